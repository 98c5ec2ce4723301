import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Line } from "../../notifications/static/notifications/line.js";
import { Store } from "../../notifications/static/notifications/store.js";
import { change, FakeChannel, FakeEventSource, FakeLocks } from "./fakes.js";

let tabs = [];

beforeEach(() => {
  FakeEventSource.all = [];
  FakeChannel.all = new Set();
  tabs = [];
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  globalThis.EventSource = FakeEventSource;
  globalThis.BroadcastChannel = FakeChannel;
  Object.defineProperty(globalThis, "navigator", { value: { locks: new FakeLocks() }, configurable: true });
});

afterEach(() => {
  for (const { line } of tabs) line.stop();
  mock.timers.reset();
  mock.restoreAll();
});

/** Open a tab whose page stands at a position. */
async function tab(position) {
  const store = new Store({ position });
  const applied = [];
  store.addEventListener("change", (event) => applied.push(event.detail.modseq));
  const line = new Line("/stream/", store);
  line.start();
  await settled();
  const opened = { line, store, applied, channel: [...FakeChannel.all].at(-1) };
  tabs.push(opened);
  return opened;
}

const send = (modseq) => FakeEventSource.latest.send("change", change(modseq - 1, modseq), `7.${modseq}`);
const open = () => FakeEventSource.all.filter((source) => source.readyState !== FakeEventSource.CLOSED);
const tick = async (seconds) => {
  mock.timers.tick(seconds * 1000);
  await settled();
};

test("Two tabs at one position have one stream, and both apply what it brings.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  send(2);
  assert.equal(FakeEventSource.all.length, 1);
  assert.deepEqual([first.store.position, second.store.position], ["7.2", "7.2"]);
});

test("Tabs of two users share nothing.", async () => {
  globalThis.navigator.locks = { request: (_name, _options, lead) => lead() };
  const [mine, other] = [await tab("7.1"), await tab("8.1")];
  FakeEventSource.all[0].send("change", change(1, 2), "7.2");
  assert.deepEqual([mine.store.position, other.store.position], ["7.2", "8.1"]);
});

test("A tab whose page is older than the stream gets what it lacks, and the others apply nothing twice.", async () => {
  const first = await tab("7.3");
  send(4);
  const second = await tab("7.2");
  await tick(0);
  assert.equal(FakeEventSource.latest.url, "/stream/?since=7.2");
  for (const modseq of [3, 4, 5]) send(modseq);
  assert.deepEqual(
    [first.applied, second.applied],
    [
      [4, 5],
      [3, 4, 5],
    ],
  );
  assert.equal(open().length, 1);
});

test("A tab whose page is newer than the stream waits until the stream is there.", async () => {
  const [first, second] = [await tab("7.3"), await tab("7.5")];
  for (const modseq of [4, 5, 6]) send(modseq);
  assert.deepEqual([first.applied, second.applied], [[4, 5, 6], [6]]);
  assert.equal(FakeEventSource.all.length, 1);
});

test("When the leading tab closes, the next one continues from where it stands.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  send(2);
  first.line.stop();
  await settled();
  assert.equal(FakeEventSource.latest.url, "/stream/?since=7.2");
  send(3);
  assert.deepEqual([first.applied, second.applied], [[2], [2, 3]]);
  assert.equal(open().length, 1);
});

test("A tab that lost messages notices by the next frame and gets them.", async () => {
  const [, second] = [await tab("7.1"), await tab("7.1")];
  second.channel.isFrozen = true;
  send(2);
  second.channel.isFrozen = false;
  send(3);
  await tick(0);
  assert.equal(FakeEventSource.latest.url, "/stream/?since=7.1");
  for (const modseq of [2, 3]) send(modseq);
  assert.deepEqual(second.applied, [2, 3]);
});

test("A leader that does not answer loses the lead, and follows when it wakes.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  first.channel.isFrozen = true;
  second.line.check(); // its page became visible
  await tick(5);
  assert.deepEqual([first.line.isLeading, second.line.isLeading], [false, true]);
  first.channel.isFrozen = false;
  send(2);
  assert.deepEqual([first.applied, second.applied], [[2], [2]]);
  assert.equal(open().length, 1);
  second.line.stop();
  await settled();
  assert.ok(first.line.isLeading, "the one that lost the lead is next in the queue");
});

test("A leader that answers keeps the lead, however quiet the stream is.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  for (let minute = 0; minute < 3; minute++) await tick(60);
  assert.deepEqual([first.line.isLeading, second.line.isLeading], [true, false]);
});

test("When the session is over, all tabs stop and none takes over.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  FakeEventSource.latest.send("bye", { reason: "auth" });
  await tick(1000);
  assert.deepEqual([first.line.isLeading, second.line.isLeading], [false, false]);
  assert.equal(open().length, 0);
});

test("A tab that left and returned continues from where it stood.", async () => {
  const first = await tab("7.1");
  first.line.stop();
  await settled();
  first.line.start();
  await settled();
  send(2);
  assert.deepEqual(first.applied, [2]);
  assert.equal(open().length, 1);
});

test("Without locks each tab has its own stream.", async () => {
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  await tab("7.1");
  await tab("7.1");
  assert.equal(open().length, 2);
});
