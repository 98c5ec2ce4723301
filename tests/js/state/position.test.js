import assert from "node:assert/strict";
import { test } from "node:test";
import { isBehind, isSameEpoch, parsePosition } from "../../../notifications/frontend/state/position.js";

test("A position is read strictly; anything else stands before everything.", () => {
  assert.deepEqual(parsePosition("281474976710655.42"), { epoch: "281474976710655", modseq: 42 });
  for (const text of ["", "7", "7.", ".7", "7.x", "7.-1", " 7.1", "7.1\n8", "٧.١", undefined]) {
    assert.deepEqual(parsePosition(text), { epoch: "0", modseq: 0 });
  }
});

test("Behind is who has a lower number of the same epoch; epochs have no order.", () => {
  assert.deepEqual([isBehind("7.1", "7.2"), isBehind("7.2", "7.2"), isBehind("7.3", "7.2")], [true, false, false]);
  assert.deepEqual([isBehind("7.3", "8.2"), isBehind("8.2", "7.3")], [false, false]);
  assert.deepEqual([isSameEpoch("7.3", "7.9"), isSameEpoch("7.3", "8.3")], [true, false]);
});
