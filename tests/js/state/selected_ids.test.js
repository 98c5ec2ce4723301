import assert from "node:assert/strict";
import { test } from "node:test";
import { SelectedIds } from "../../../notifications/frontend/state/selected_ids.js";

const LIST = [9, 8, 7, 6, 5, 4];
const sorted = (selected) => selected.all.sort((one, other) => other - one);

test("A range reaches from what was selected last to what is clicked with Shift, in either direction.", () => {
  const selected = new SelectedIds();
  selected.set(7, true);
  selected.extendTo(5, LIST);
  assert.deepEqual(sorted(selected), [7, 6, 5]);
  selected.extendTo(9, LIST);
  assert.deepEqual(sorted(selected), [9, 8, 7]);
});

test("A range leaves what was selected before it, and may take away instead.", () => {
  const selected = new SelectedIds([4]);
  selected.set(9, true);
  selected.extendTo(7, LIST);
  assert.deepEqual(sorted(selected), [9, 8, 7, 4]);
  selected.set(8, false);
  selected.extendTo(7, LIST, false);
  assert.deepEqual(sorted(selected), [9, 4]);
});

test("Steps select where they come from and where they go; steps back take it back.", () => {
  const selected = new SelectedIds([4]);
  selected.stepTo(9, 8, LIST);
  selected.stepTo(8, 7, LIST);
  assert.deepEqual(sorted(selected), [9, 8, 7, 4]);
  selected.stepTo(7, 8, LIST);
  assert.deepEqual(sorted(selected), [9, 8, 4]);
});

test("Who has gone elsewhere meanwhile begins a new range there.", () => {
  const selected = new SelectedIds();
  selected.stepTo(9, 8, LIST);
  selected.stepTo(6, 5, LIST);
  assert.deepEqual(sorted(selected), [9, 8, 6, 5]);
});

test("A range goes on from where it began, also when that has left the list.", () => {
  const selected = new SelectedIds();
  selected.set(8, true);
  const rest = LIST.filter((id) => id !== 8);
  selected.keepOnly(new Set(rest));
  assert.equal(selected.size, 0);
  selected.extendTo(6, rest);
  assert.deepEqual(sorted(selected), [7, 6]);
});

test("Without anything selected a range is the one row.", () => {
  const selected = new SelectedIds();
  selected.extendTo(6, LIST);
  assert.deepEqual(sorted(selected), [6]);
});
