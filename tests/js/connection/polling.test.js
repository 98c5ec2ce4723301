import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Connection } from "../../../notifications/frontend/connection/connection.js";
import { Polling } from "../../../notifications/frontend/connection/polling.js";
import { Store } from "../../../notifications/frontend/state/store.js";
import { change, FakeChannel, FakeEventSource, FakeLocks, item } from "../fakes.js";

/** The server's log: what each poll is answered with, by the position that it asks from. */
let server;
let tabs;

beforeEach(() => {
  Object.defineProperty(globalThis, "navigator", { value: { locks: new FakeLocks() }, configurable: true });
  globalThis.EventSource = FakeEventSource;
  globalThis.BroadcastChannel = FakeChannel;
  FakeChannel.all = new Set();
  FakeEventSource.all = [];
  tabs = [];
  server = { epoch: 7, head: 1, isThere: true, status: 200, polls: [] };
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { now } = Date;
  mock.method(performance, "now", () => now());
  mock.method(Math, "random", () => 0);
  mock.method(console, "warn", () => {});
  mock.method(globalThis, "fetch", async (url, { headers } = {}) => {
    if (!url.startsWith("/poll/")) return { status: server.streamStatus ?? 502 };
    server.polls.push([url, headers["X-Notifications-Reader"]]);
    if (!server.isThere) throw new TypeError("no network");
    if (server.status !== 200) return { ok: false, status: server.status, json: async () => server.answer };
    return { ok: true, status: 200, json: async () => server.answer ?? { frames: framesFrom(url) } };
  });
});

afterEach(() => {
  for (const { connection } of tabs) connection.stop();
  mock.timers.reset();
  mock.restoreAll();
});

function framesFrom(url) {
  const { epoch, head } = server;
  const [sinceEpoch, since] = /since=(\d+\.\d+)$/.exec(url)[1].split(".").map(Number);
  const counters = { unread: head, unseen: 0 };
  if (sinceEpoch !== epoch) {
    const reset = { reason: "epoch", modseq: head, epoch, snapshot: { items: [], ...counters } };
    return [
      { event: "hello", id: `${epoch}.0`, retry: 3000, data: { modseq: 0, epoch, ...counters, mode: "reset" } },
      { event: "reset", id: `${epoch}.${head}`, data: reset },
    ];
  }
  const hello = { modseq: since, epoch, ...counters, mode: "resume" };
  const frames = [{ event: "hello", id: `${epoch}.${since}`, retry: 3000, data: hello }];
  if (head > since)
    frames.push({ event: "change", id: `${epoch}.${head}`, data: change(since, head, { upsert: [item(head, head)] }) });
  return frames;
}

/** Open a tab; `page.isLookedAt` says whether anybody sees it. */
async function open(position = "7.1") {
  const page = { isLookedAt: true };
  const store = new Store({ position, unread: 0 });
  const states = [];
  store.addEventListener("connection", ({ detail }) => states.push(detail));
  const connection = new Connection({
    url: "/stream/",
    pollUrl: "/poll/",
    store,
    reader: "mine",
    isLookedAt: () => page.isLookedAt,
  });
  connection.start();
  await settled();
  const tab = { page, store, connection, states };
  tabs.push(tab);
  return tab;
}

const seconds = async (count) => {
  for (let second = 0; second < count; second++) {
    mock.timers.tick(1000);
    await settled();
  }
};
const isOpen = () => FakeEventSource.all.filter(({ readyState }) => readyState !== FakeEventSource.CLOSED).length;
const sayPoll = () => FakeEventSource.latest.send("bye", { reason: "poll" });

test("A site where nothing streams says so, and is asked at once, in the reader's name.", async () => {
  const { store } = await open();
  server.head = 3;
  sayPoll();
  await seconds(1);
  assert.deepEqual(server.polls, [["/poll/?since=7.1", "mine"]]);
  assert.deepEqual([store.position, store.unread, store.connectionState], ["7.3", 3, "polling"]);
  assert.equal(isOpen(), 0);
});

test("Where a stream brings nothing the page polls within 45 s, and holds no connection.", async () => {
  const { store } = await open();
  server.head = 2;
  await seconds(45);
  assert.deepEqual([store.position, store.connectionState, isOpen()], ["7.2", "polling", 0]);
});

test("Where a stream falls silent the page polls within 45 s, and a stream that speaks ends that.", async () => {
  const { store } = await open();
  FakeEventSource.latest.send("ping", { modseq: 1 }, "7.1");
  server.head = 2;
  await seconds(45);
  assert.deepEqual([store.position, server.polls.length, isOpen()], ["7.2", 1, 1]);
  FakeEventSource.latest.send("ping", { modseq: 2 }, "7.2");
  assert.equal(store.connectionState, "live");
  await seconds(44);
  assert.equal(server.polls.length, 1);
});

test("Polls come every 30 s, from where the latest one ended.", async () => {
  await open();
  sayPoll();
  for (const head of [2, 3]) {
    await seconds(1);
    server.head = head;
    await seconds(29);
  }
  await seconds(1);
  assert.deepEqual(
    server.polls.map(([url]) => url),
    ["/poll/?since=7.1", "/poll/?since=7.1", "/poll/?since=7.2"],
  );
});

test("Nobody asks while nobody looks; who looks again is told at once.", async () => {
  const { page, connection, store } = await open();
  sayPoll();
  await seconds(1);
  page.isLookedAt = false;
  await seconds(600);
  assert.equal(server.polls.length, 1);
  server.head = 5;
  page.isLookedAt = true;
  connection.check();
  await seconds(1);
  assert.deepEqual([server.polls.length, store.position], [2, "7.5"]);
  connection.check(); // as often as the reader likes
  await seconds(1);
  assert.equal(server.polls.length, 2);
});

test("A hidden tab that leads asks for one that is looked at.", async () => {
  const [leader, other] = [await open(), await open()];
  sayPoll();
  await seconds(1);
  assert.equal(other.store.connectionState, "polling");
  leader.page.isLookedAt = false;
  server.head = 4;
  await seconds(60);
  assert.equal(other.store.position, "7.4");
  assert.ok(server.polls.length <= 4, `${server.polls.length} polls`);
  other.page.isLookedAt = false;
  const before = server.polls.length;
  await seconds(300);
  assert.ok(server.polls.length <= before + 1, "nobody looks");
});

test("Pauses grow while a server that was polled does not answer, and are short again once it does.", async () => {
  mock.method(Math, "random", () => 1);
  const { store } = await open();
  sayPoll();
  await seconds(1);
  server.isThere = false;
  await seconds(300);
  assert.equal(server.polls.length, 4, "after 24 s, 60 s and 120 s more");
  assert.equal(store.connectionState, "connecting");
  server.isThere = true;
  await seconds(240);
  assert.equal(store.connectionState, "polling");
  const before = server.polls.length;
  await seconds(30);
  assert.equal(server.polls.length, before + 1);
});

test("A stream is tried from time to time, and the page is live again by itself.", async () => {
  const { store } = await open();
  sayPoll();
  await seconds(31);
  assert.equal(isOpen(), 1);
  await seconds(31); // held back, as before
  assert.equal(isOpen(), 0);
  await seconds(61);
  assert.equal(isOpen(), 1);
  FakeEventSource.latest.send("hello", { modseq: 1, epoch: 7, unread: 0, unseen: 0, mode: "resume" }, "7.1");
  assert.equal(store.connectionState, "live");
  const before = server.polls.length;
  await seconds(44);
  assert.equal(server.polls.length, before);
});

test("Streams that are refused again and again give way to polls, where those are answered.", async () => {
  const { store } = await open();
  for (let attempt = 0; attempt < 4; attempt++) {
    FakeEventSource.latest.refuse();
    await seconds(9);
  }
  assert.equal(store.connectionState, "polling");
});

test("A server that is away is no site that cannot stream: streams are tried as before, every 30 s at most.", async () => {
  const { store } = await open();
  Object.assign(server, { status: 502, answer: {} });
  for (let second = 0; second < 300; second++) {
    if (FakeEventSource.latest.readyState === FakeEventSource.CONNECTING) FakeEventSource.latest.refuse();
    await seconds(1);
  }
  assert.equal(store.connectionState, "connecting");
  const before = FakeEventSource.all.length;
  await seconds(30);
  assert.ok(FakeEventSource.all.length > before);
});

test("A poll that is refused to who is logged out ends it.", async () => {
  const { store } = await open();
  Object.assign(server, { status: 403, answer: { error: { code: "not_logged_in" } } });
  sayPoll();
  await seconds(1);
  assert.equal(store.connectionState, "over");
  await seconds(600);
  assert.equal(server.polls.length, 1);
});

test("A tab that is behind has the log asked from where it stands.", async () => {
  const leader = await open("7.5");
  server.head = 5;
  sayPoll();
  await seconds(1);
  const behind = await open("7.3");
  await seconds(2);
  assert.deepEqual([behind.store.position, leader.store.position], ["7.5", "7.5"]);
});

test("A tab that comes back proves the login by a poll.", async () => {
  const { store, connection } = await open();
  sayPoll();
  await seconds(2);
  store.markUnverified();
  connection.verify();
  await seconds(1);
  assert.deepEqual([store.isVerified, server.polls.length], [true, 2]);
});

test("The tab that leads next polls at once.", async () => {
  const [first, second] = [await open(), await open()];
  sayPoll();
  await seconds(1);
  server.head = 2;
  first.connection.stop();
  await settled();
  await seconds(1);
  assert.deepEqual([second.store.position, second.store.connectionState], ["7.2", "polling"]);
});

test("A page that does not know where to ask waits for the stream.", async () => {
  const store = new Store({ position: "7.1" });
  const connection = new Connection({ url: "/stream/", store });
  connection.start();
  tabs.push({ connection });
  await settled();
  sayPoll();
  await seconds(60);
  assert.deepEqual([server.polls.length, isOpen()], [0, 1]);
});

test("Tabs of two epochs agree on what the server says, with few messages, whichever of them leads.", async () => {
  // Regression: each question moved the leader to the other epoch, of which its answer told all, who asked back, without end.
  for (const positions of [
    ["7.50", "7.50", "8.3"],
    ["8.3", "7.50", "7.40"],
    ["7.50", "8.3", "8.2"],
  ]) {
    FakeChannel.all = new Set();
    Object.assign(navigator.locks, { holder: null, queue: [] });
    Object.assign(server, { epoch: 8, head: 3, polls: [] });
    const post = mock.method(FakeChannel.prototype, "postMessage");
    const group = [await open(positions[0])];
    sayPoll();
    for (const position of positions.slice(1)) group.push(await open(position));
    await seconds(5);
    assert.deepEqual(
      group.map(({ store }) => [store.position, store.connectionState]),
      Array(3).fill(["8.3", "polling"]),
    );
    assert.ok(post.mock.callCount() < 40, `${post.mock.callCount()} messages`);
    assert.ok(server.polls.length <= 4, `${server.polls.length} polls`);
    for (const { connection } of group) connection.stop();
    post.mock.restore();
  }
});

test("A tab of another epoch, whose page is history, is moved while the others stay.", async () => {
  const group = [await open("7.1"), await open("7.1")];
  sayPoll();
  await seconds(2);
  group.push(await open("6.9"));
  await seconds(2);
  assert.deepEqual(
    group.map(({ store }) => store.position),
    Array(3).fill("7.1"),
  );
  assert.equal(server.polls.length, 2);
});

test("Two tabs ask a server that does not answer no more often than one, and not at all while nobody looks.", async () => {
  // Regression: a tab that follows asked for itself, and the tab that leads asked the server, whatever its pause was.
  mock.method(Math, "random", () => 1);
  const [first, second] = [await open(), await open()];
  sayPoll();
  await seconds(1);
  server.isThere = false;
  await seconds(300);
  assert.equal(server.polls.length, 4, "after 24 s, 60 s and 120 s more");
  first.page.isLookedAt = second.page.isLookedAt = false;
  await seconds(1200);
  assert.equal(server.polls.length, 4);
});

test("A hidden tab that leads asks a server that does not answer for one that is looked at, with its pauses.", async () => {
  mock.method(Math, "random", () => 1);
  const [leader, other] = [await open(), await open()];
  sayPoll();
  await seconds(1);
  leader.page.isLookedAt = false;
  server.isThere = false;
  await seconds(600);
  assert.ok(server.polls.length >= 4 && server.polls.length <= 5, `${server.polls.length} polls`);
  server.isThere = true;
  await seconds(270);
  assert.equal(other.store.connectionState, "polling");
});

test("While a question is on its way, a tab that follows causes no second one.", async () => {
  const [, other] = [await open(), await open()];
  sayPoll();
  await seconds(1);
  let fail;
  const fetch = mock.method(globalThis, "fetch", () => new Promise((_resolve, reject) => (fail = reject)));
  await seconds(30);
  for (let count = 0; count < 3; count++) other.connection.check();
  fail(new TypeError("timed out"));
  await seconds(10);
  assert.equal(fetch.mock.callCount(), 1);
});

test("Who wants an answer again and again does not put the question off.", async () => {
  // Regression: each wish set the timer anew, so that it came after all messages that were waiting.
  const polling = new Polling({ ask: async () => true, isLookedAt: () => true });
  polling.start();
  const setTimer = mock.method(globalThis, "setTimeout");
  for (let count = 0; count < 3; count++) polling.askNow();
  assert.equal(setTimer.mock.callCount(), 0, "the one that start() has set stands");
  polling.stop();
});

test("JSON of somebody else is no answer, and ends nothing.", async () => {
  for (const answer of [{ status: "ok" }, [], "text", { frames: 3 }, { frames: [null] }]) {
    mock.method(console, "error", () => {});
    const { store, connection } = await open();
    sayPoll();
    await seconds(1);
    server.answer = answer;
    await seconds(30);
    if (!Array.isArray(answer?.frames)) assert.equal(store.connectionState, "connecting");
    Object.assign(server, { head: server.head + 1, answer: undefined });
    await seconds(90);
    assert.equal(store.position, `7.${server.head}`);
    connection.stop();
    await settled();
  }
});

test("A poll that is refused ends it, whoever refuses, as a stream that is refused does.", async () => {
  for (const status of [401, 403]) {
    const { store } = await open();
    Object.assign(server, { status: 200, polls: [] });
    sayPoll();
    await seconds(1);
    Object.assign(server, { status, answer: { detail: "a page of a middleware" } });
    await seconds(30);
    assert.equal(store.connectionState, "over");
    server.answer = undefined;
  }
});

test("A page that is left while a refusal is read opens no stream.", async () => {
  // Regression: the page waited for the refusal's text, and then went on without the lead.
  const { connection } = await open();
  let answer;
  const json = () => new Promise((resolve) => (answer = resolve));
  mock.method(globalThis, "fetch", async () => ({ ok: false, status: 403, json }));
  sayPoll();
  await seconds(1);
  connection.stop();
  answer?.({ detail: "a page of a middleware" });
  await seconds(60);
  assert.equal(isOpen(), 0);
});

test("A clock that is set back delays no question.", async () => {
  await open();
  sayPoll();
  await seconds(1);
  const { now } = Date;
  mock.method(Date, "now", () => now() - 3_600_000);
  tabs[0].connection.check({ isNetworkNew: true });
  await seconds(2);
  assert.equal(server.polls.length, 2);
});
