import assert from "node:assert/strict";
import { test } from "node:test";
import { UndoStack } from "../../../notifications/frontend/state/undo_stack.js";

/** Take all of it back, from the latest on. */
function takeAll(stack, nowMs) {
  const taken = [];
  for (let entry = stack.getLatest(nowMs); entry !== undefined; entry = stack.getLatest(nowMs)) {
    taken.push(entry);
    stack.remove(entry);
  }
  return taken;
}

test("The latest comes first, and ten are kept.", () => {
  const stack = new UndoStack(10_000);
  for (let n = 1; n <= 12; n += 1) stack.push(`action ${n}`, n);
  const names = Array.from({ length: 10 }, (_, index) => `action ${12 - index}`);
  assert.deepEqual(takeAll(stack, 100), names);
});

test("What the server would refuse as too late is offered no more.", () => {
  const stack = new UndoStack(10_000);
  stack.push("early", 0);
  stack.push("late", 30_000);
  assert.deepEqual(takeAll(stack, 60_000), ["late"]);
});

test("What came to nothing is taken out, wherever it stands.", () => {
  const stack = new UndoStack(10_000);
  for (const name of ["one", "two", "three"]) stack.push(name, 0);
  stack.remove("two");
  stack.keepOnly((entry) => entry !== "three");
  assert.deepEqual(takeAll(stack, 1), ["one"]);
});
