import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { ChannelLocks } from "../../../notifications/frontend/connection/channel_locks.js";
import { FakeChannel } from "../fakes.js";

/** Who holds the lock, in the order of having got it. */
let holders;

beforeEach(() => {
  FakeChannel.all = new Set();
  globalThis.BroadcastChannel = FakeChannel;
  holders = [];
  mock.timers.enable({ apis: ["setTimeout"] });
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** Ask for the lock in a tab's name. */
function request(name, { steal = false } = {}) {
  const tab = { name, lost: undefined, life: new AbortController(), release: () => {} };
  const hold = () => {
    holders.push(name);
    return new Promise((resolve) => {
      tab.release = resolve;
    });
  };
  const options = steal ? { steal } : { signal: tab.life.signal };
  new ChannelLocks().request("of-a-test", options, hold).catch((error) => {
    tab.lost = error.name;
  });
  return tab;
}

const soon = async () => {
  mock.timers.tick(200);
  await settled();
};

test("Of many who ask at once one has the lock, and each after it in turn.", async () => {
  const tabs = ["a", "b", "c", "d"].map((name) => request(name));
  await soon();
  assert.equal(holders.length, 1);
  await soon();
  assert.equal(holders.length, 1);
  for (const count of [2, 3, 4]) {
    tabs.find(({ name }) => name === holders.at(-1)).release();
    await settled();
    await soon();
    assert.equal(holders.length, count);
  }
  assert.equal(new Set(holders).size, 4);
});

test("Who asks later waits, whatever its id.", async () => {
  const ids = [0.5, 0.1];
  mock.method(Math, "random", () => ids.shift());
  const first = request("first");
  await soon();
  request("second");
  await soon();
  assert.deepEqual(holders, ["first"]);
  first.release();
  await settled();
  await soon();
  assert.deepEqual(holders, ["first", "second"]);
});

test("Who no longer wants it is told so, and keeps nobody waiting.", async () => {
  const ids = [0.1, 0.5];
  mock.method(Math, "random", () => ids.shift());
  const first = request("first");
  request("second");
  first.life.abort();
  await soon();
  assert.deepEqual([first.lost, holders], ["AbortError", ["second"]]);
});

test("It can be stolen; who had it is told so, and the others go on waiting.", async () => {
  const first = request("first");
  await soon();
  request("second");
  const thief = request("thief", { steal: true });
  await settled();
  await soon();
  assert.deepEqual([first.lost, holders], ["AbortError", ["first", "thief"]]);
  thief.release();
  await settled();
  await soon();
  assert.deepEqual(holders, ["first", "thief", "second"]);
});

test("Where two tabs hold it, because they could not hear each other, one gives way.", async () => {
  const first = request("first");
  const [channel] = FakeChannel.all;
  channel.isFrozen = true;
  await soon();
  const second = request("second");
  await soon();
  assert.deepEqual(holders, ["first", "second"]);
  channel.isFrozen = false;
  request("third"); // asks, and both object
  await soon();
  assert.deepEqual([first.lost, second.lost].filter(Boolean), ["AbortError"]);
  assert.equal(holders.length, 2);
});
