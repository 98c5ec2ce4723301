import assert from "node:assert/strict";
import { test } from "node:test";
import { findInView } from "../../../notifications/frontend/dom/view.js";

globalThis.innerHeight = 900;

/** Rows of 60 px, scrolled by so much, and how often they were asked where they are. */
function makeRows(count, scrolledPx) {
  const asked = { times: 0 };
  const rows = Array.from({ length: count }, (_, index) => ({
    index,
    getBoundingClientRect() {
      asked.times += 1;
      return { top: index * 60 - scrolledPx, bottom: index * 60 + 60 - scrolledPx };
    },
  }));
  return { rows, asked };
}

test("What is in view is found, the rows that are cut by an edge included.", () => {
  const found = (scrolledPx) => findInView(makeRows(200, scrolledPx).rows).map(({ index }) => index);
  assert.deepEqual([found(0).at(0), found(0).at(-1)], [0, 14]);
  assert.deepEqual([found(6030).at(0), found(6030).at(-1)], [100, 115]);
  assert.deepEqual(found(20_000), []);
  assert.deepEqual(found(-2000), []);
  assert.deepEqual(findInView([]), []);
});

test("Few rows are asked where they are.", () => {
  const { rows, asked } = makeRows(200, 6030);
  findInView(rows);
  assert.ok(asked.times <= 16, `${asked.times}`);
});
