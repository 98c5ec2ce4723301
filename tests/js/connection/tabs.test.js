import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Connection } from "../../../notifications/frontend/connection/connection.js";
import { Store } from "../../../notifications/frontend/state/store.js";
import { change, FakeChannel, FakeEventSource, FakeLocks } from "../fakes.js";

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
  for (const { connection } of tabs) connection.stop();
  mock.timers.reset();
  mock.restoreAll();
});

/** Open a tab whose page stands at a position. */
async function tab(position, reader) {
  const store = new Store({ position });
  const applied = [];
  store.addEventListener("change", (event) => applied.push(event.detail.modseq));
  const connection = new Connection({ url: "/stream/", store, reader });
  connection.start();
  await settled();
  const opened = { connection, store, applied, channel: [...FakeChannel.all].at(-1) };
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
  first.connection.stop();
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
  assert.deepEqual([FakeEventSource.all.length, FakeEventSource.latest.url], [2, "/stream/?since=7.1"]);
  for (const modseq of [2, 3]) send(modseq);
  assert.deepEqual(second.applied, [2, 3]);
});

test("A leader that does not answer loses the lead, and follows when it wakes.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  first.channel.isFrozen = true;
  second.connection.check(); // its page became visible
  await tick(5);
  assert.deepEqual([first.connection.isLeading, second.connection.isLeading], [false, true]);
  first.channel.isFrozen = false;
  send(2);
  assert.deepEqual([first.applied, second.applied], [[2], [2]]);
  assert.equal(open().length, 1);
  second.connection.stop();
  await settled();
  assert.ok(first.connection.isLeading, "the one that lost the lead is next in the queue");
});

test("A leader that answers keeps the lead, however quiet the stream is.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  for (let minute = 0; minute < 3; minute++) await tick(60);
  assert.deepEqual([first.connection.isLeading, second.connection.isLeading], [true, false]);
});

test("When the session is over, all tabs stop and none takes over.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  FakeEventSource.latest.send("bye", { reason: "auth" });
  await tick(1000);
  assert.deepEqual([first.connection.isLeading, second.connection.isLeading], [false, false]);
  assert.equal(open().length, 0);
});

test("A tab that left and returned continues from where it stood.", async () => {
  const first = await tab("7.1");
  first.connection.stop();
  await settled();
  first.connection.start();
  await settled();
  send(2);
  assert.deepEqual(first.applied, [2]);
  assert.equal(open().length, 1);
});

test("Without Web Locks seven tabs have one stream as well, and hand it over.", async () => {
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const group = [];
  for (let number = 0; number < 7; number++) group.push(await tab("7.1"));
  await tick(1);
  assert.equal(open().length, 1);
  send(2);
  assert.ok(group.every(({ store }) => store.position === "7.2"));
  for (const left of [1, 2, 3]) {
    group.find(({ connection }) => connection.isLeading).connection.stop();
    await settled();
    await tick(1);
    assert.equal(open().length, 1);
    assert.equal(group.filter(({ connection }) => connection.isLeading).length, 1);
    send(2 + left);
  }
  assert.equal(group.filter(({ store }) => store.position === "7.5").length, 4);
});

test("Without Web Locks a leader that does not answer loses the lead, and follows when it wakes.", async () => {
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const first = await tab("7.1");
  await tick(1);
  const frozen = [...FakeChannel.all];
  const second = await tab("7.1");
  await tick(0.1);
  for (const channel of frozen) channel.isFrozen = true;
  second.connection.check(); // its page became visible
  await tick(6);
  assert.deepEqual([first.connection.isLeading, second.connection.isLeading], [true, true]);
  for (const channel of frozen) channel.isFrozen = false;
  await tab("7.1"); // asks for the lock, and both have it
  await tick(6);
  assert.equal([first, second].filter(({ connection }) => connection.isLeading).length, 1);
  assert.equal(open().length, 1);
});

/** Answer as a server whose epoch is 8, to each stream that is opened, and count the messages between the tabs. */
async function serve(answered = new Set()) {
  for (const source of open()) {
    if (answered.has(source)) continue;
    answered.add(source);
    const [, epoch, modseq] = /since=(\d+)\.(\d+)/.exec(source.url);
    const isKnown = epoch === "8" && Number(modseq) > 0;
    const mode = isKnown ? "resume" : "reset";
    source.send(
      "hello",
      { modseq: isKnown ? Number(modseq) : 0, epoch: 8, unread: 1, unseen: 0, mode },
      isKnown ? `8.${modseq}` : "8.0",
    );
    if (!isKnown)
      source.send(
        "reset",
        { reason: "epoch", modseq: 3, epoch: 8, snapshot: { items: [], unread: 1, unseen: 0 } },
        "8.3",
      );
    await settled();
  }
  return answered;
}

test("A tab that slept while history was replaced is told, with few messages.", async () => {
  // Regression: each took the other's position for a gap, and asked and answered without end; nobody asked the server.
  const [first, second, slept] = [await tab("7.50"), await tab("7.50"), await tab("7.50")];
  slept.connection.stop();
  const post = mock.method(FakeChannel.prototype, "postMessage");
  const answered = await serve();
  slept.connection.start();
  await settled();
  for (let second = 0; second < 15; second++) {
    await tick(1);
    await serve(answered);
  }
  assert.deepEqual(
    [first, second, slept].map(({ store }) => [store.position, store.connectionState]),
    Array(3).fill(["8.3", "live"]),
  );
  assert.ok(post.mock.callCount() < 40, `${post.mock.callCount()} messages`);
});

test("Tabs of two epochs agree on what the server says, with few messages, whichever of them leads.", async () => {
  for (const positions of [
    ["7.50", "8.3", "7.20"],
    ["8.3", "7.50", "7.20"],
    ["7.50", "7.50", "8.3"],
  ]) {
    FakeChannel.all = new Set();
    FakeEventSource.all = [];
    globalThis.navigator.locks.holder = null;
    globalThis.navigator.locks.queue = [];
    const post = mock.method(FakeChannel.prototype, "postMessage");
    let answered;
    const group = [];
    for (const position of positions) {
      group.push(await tab(position, "reader"));
      answered = await serve(answered);
    }
    for (let second = 0; second < 15; second++) {
      await tick(1);
      answered = await serve(answered);
      for (const source of open()) source.send("ping", { modseq: 3 }, "8.3");
    }
    assert.deepEqual(
      group.map(({ store }) => [store.position, store.connectionState]),
      Array(3).fill(["8.3", "live"]),
    );
    assert.ok(post.mock.callCount() < 80, `${post.mock.callCount()} messages`);
    assert.ok(FakeEventSource.all.length <= 6, `${FakeEventSource.all.length} streams`);
    for (const { connection } of group) connection.stop();
    post.mock.restore();
  }
});

test("When a tab has left and no next page of it comes, the leader asks whether the session is over.", async () => {
  const [first, second] = [await tab("7.1"), await tab("7.1")];
  send(2);
  second.connection.leave();
  await tick(0.6);
  assert.deepEqual([FakeEventSource.all.length, FakeEventSource.latest.url], [2, "/stream/?since=7.2"]);
  send(3);
  assert.deepEqual(first.applied, [2, 3]);
});

test("Where a tab goes on to its next page, which the server has made for the same reader, nothing is asked.", async () => {
  const [, second] = [await tab("7.1"), await tab("7.1")];
  send(2);
  second.connection.leave();
  await tick(0.3);
  await tab("7.2");
  await tick(5);
  assert.equal(FakeEventSource.all.length, 1);
});

test("A tab that comes back has a new stream opened, by whoever leads: the one that is open may be older than a logout.", async () => {
  const [, second] = [await tab("7.1"), await tab("7.1")];
  send(2);
  second.store.markUnverified();
  second.connection.stop();
  second.connection.start();
  await settled();
  assert.equal(FakeEventSource.all.length, 2);
  assert.equal(second.store.unread, 0);
  FakeEventSource.latest.send("hello", { modseq: 2, epoch: 7, unread: 2, unseen: 0, mode: "resume" }, "7.2");
  assert.equal(second.store.unread, 2);
});

test("A page that says whose it is asks for that reader's stream, and shares it with their tabs alone.", async () => {
  globalThis.navigator.locks = { request: (_name, _options, lead) => lead() };
  const [mine, other] = [await tab("7.1", "mine"), await tab("7.1", "other")];
  assert.deepEqual(
    FakeEventSource.all.map(({ url }) => url),
    ["/stream/?since=7.1&reader=mine", "/stream/?since=7.1&reader=other"],
  );
  FakeEventSource.all[0].send("change", change(1, 2), "7.2");
  assert.deepEqual([mine.store.position, other.store.position], ["7.2", "7.1"]);
});

test("A tab of another epoch waits while the server is being asked.", async () => {
  await tab("7.50", "reader");
  await tab("8.3", "reader");
  await tick(1);
  assert.equal(FakeEventSource.all.length, 1);
});

test("A stream that was opened anew is being asked again, whatever the one before it said.", async () => {
  const leader = await tab("7.50", "reader");
  FakeEventSource.latest.send("hello", { modseq: 50, epoch: 7, unread: 1, unseen: 0, mode: "resume" }, "7.50");
  leader.connection.check({ isNetworkNew: true });
  await tab("8.3", "reader");
  await tick(1);
  assert.equal(FakeEventSource.all.length, 2);
});

test("Two tabs that are behind are served by one stream, from where the one further behind stands.", async () => {
  await tab("7.50");
  FakeEventSource.latest.send("ping", { modseq: 50 }, "7.50");
  await tab("7.40");
  await tab("7.30");
  await tick(0);
  assert.deepEqual([FakeEventSource.all.length, FakeEventSource.latest.url], [2, "/stream/?since=7.30"]);
});

test("A tab that has left has no stream opened anew which is about to be opened.", async () => {
  const [, second] = [await tab("7.1"), await tab("7.1")];
  second.connection.leave();
  await tick(0.6);
  assert.equal(FakeEventSource.all.length, 1);
});

test("A tab that returns is no next page of one that has left: the server is asked all the same.", async () => {
  const [, second, third] = [await tab("7.1"), await tab("7.1"), await tab("7.1")];
  send(2);
  second.connection.leave();
  third.connection.stop();
  third.connection.start();
  await tick(0.6);
  assert.equal(FakeEventSource.all.length, 2);
});
