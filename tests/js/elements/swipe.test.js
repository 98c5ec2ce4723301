import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.HTMLElement = class {};
const { decideSwipe } = await import("../../../notifications/frontend/elements/swipe.js");

test("A swipe over 40 % of the row is one, towards its end to read it and towards its start to archive it.", () => {
  const decided = [160, 159, -160, -159, 0].map((movedPx) => decideSwipe(movedPx, 400));
  assert.deepEqual(decided, ["read", undefined, "archive", undefined, undefined]);
});

test("A fast one need not go so far, but further than a slip, and not back.", () => {
  assert.equal(decideSwipe(60, 400, 0.6), "read");
  assert.equal(decideSwipe(-60, 400, -0.6), "archive");
  assert.equal(decideSwipe(60, 400, 0.4), undefined);
  assert.equal(decideSwipe(40, 400, 2), undefined);
  assert.equal(decideSwipe(60, 400, -0.6), undefined);
});
