import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { isAlerting, tellWhetherLookedAt } from "../../../notifications/frontend/dom/looked_at.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));
let held = [];

/** Locks that are all shared, as those of tabs that are looked at. */
const locks = {
  query: async () => ({ held: held.map((name) => ({ name })) }),
  request: async (name, { mode }, stay) => {
    assert.equal(mode, "shared");
    await null; // the browser asks another process
    held.push(name);
    await stay();
    held.splice(held.indexOf(name), 1);
  },
};

function browser(navigator) {
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}

/** Let this tab be looked at or not. */
async function look(isLookedAt) {
  globalThis.document = { hidden: !isLookedAt };
  tellWhetherLookedAt();
  await settled();
}

beforeEach(async () => {
  browser({ locks });
  await look(false);
  held = [];
});

test("The leading tab alerts when no tab is looked at, and no other does.", async () => {
  assert.equal(await isAlerting({ isLeading: true }), true);
  assert.equal(await isAlerting({ isLeading: false }), false);
});

test("While a tab is looked at, no tab alerts.", async () => {
  await look(true);
  assert.equal(await isAlerting({ isLeading: true }), false);
  await look(false);
  assert.equal(await isAlerting({ isLeading: true }), true);
});

test("A tab that is left before its lock came does not keep it.", async () => {
  globalThis.document = { hidden: false };
  tellWhetherLookedAt();
  globalThis.document = { hidden: true };
  tellWhetherLookedAt();
  await settled();
  assert.deepEqual(held, []);
});

test("Two bells of a page hold one lock, which is given up when the page is left.", async () => {
  // Regression: the locks come later than they are asked for, and the second hid the first, which nothing gave up.
  for (const isLookedAt of [true, false]) {
    globalThis.document = { hidden: !isLookedAt };
    tellWhetherLookedAt();
    tellWhetherLookedAt();
    await settled();
    assert.equal(await isAlerting({ isLeading: true }), !isLookedAt);
  }
});

test("A page that is hidden and shown again before its lock came holds one lock.", async () => {
  for (const isLookedAt of [true, false, true]) {
    globalThis.document = { hidden: !isLookedAt };
    tellWhetherLookedAt();
  }
  await settled();
  assert.equal(held.length, 1);
  await look(false);
  assert.deepEqual(held, []);
});

test("Locks of other names mean nothing.", async () => {
  held = ["notifications:/stream/:7", "theirs"];
  assert.equal(await isAlerting({ isLeading: true }), true);
});

test("Where there are no locks, where every tab leads, none alerts.", async () => {
  browser({});
  await look(false);
  assert.equal(await isAlerting({ isLeading: true }), false);
});
