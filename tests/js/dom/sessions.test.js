import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { FakeChannel, FakeEventSource } from "../fakes.js";

const listeners = new Map();
Object.assign(globalThis, {
  EventSource: FakeEventSource,
  BroadcastChannel: FakeChannel,
  addEventListener: (name, react) => listeners.set(name, react),
  document: { hidden: false, querySelector: () => null, querySelectorAll: () => [] },
});
const locks = { request: async (_name, _options, lead) => lead() };
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
const { joinSession, leaveSession } = await import("../../../notifications/frontend/dom/sessions.js");

/** An element of a page that was made for a reader, who stands at a position. */
function elementOf(reader, position, { wasKept = false } = {}) {
  return {
    dataset: { reader, position, unread: "2", unseen: "1", streamUrl: "/stream/" },
    hasAttribute: (name) => wasKept && name === "data-joined",
  };
}

const opened = () => FakeEventSource.all.map(({ url }) => url);
const settled = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  FakeEventSource.all = [];
  FakeChannel.all = new Set();
  mock.method(console, "warn", () => {});
});

test("Elements of one reader share a session.", () => {
  const session = joinSession(elementOf("ada", "7.1"));
  assert.equal(joinSession(elementOf("ada", "7.1")), session);
  assert.deepEqual(opened(), ["/stream/?since=7.1&reader=ada"]);
});

test("Another reader in the same document has a session of their own, and the former one's is over.", () => {
  const former = joinSession(elementOf("uma", "7.1"));
  const next = joinSession(elementOf("ada", "8.1"));
  assert.notEqual(next.store, former.store);
  assert.deepEqual(opened(), ["/stream/?since=7.1&reader=uma", "/stream/?since=8.1&reader=ada"]);
  assert.deepEqual([former.store.connectionState, former.store.unread, next.store.unread], ["over", 0, 2]);
  assert.equal(FakeEventSource.all[0].readyState, FakeEventSource.CLOSED);
  FakeEventSource.all[1].send("hello", { modseq: 1, unread: 5, unseen: 0, mode: "resume" }, "8.1");
  assert.deepEqual([former.store.unread, next.store.unread], [0, 5]);
});

test("Where pages do not say whose they are, the epoch of the inbox does.", () => {
  const first = joinSession(elementOf("", "9.1"));
  assert.equal(joinSession(elementOf("", "9.4")), first);
  assert.notEqual(joinSession(elementOf("", "10.1")), first);
});

test("The stream ends with the last element that shows it, and not between two of a swap.", async () => {
  const [first, second, third] = [elementOf("eve", "7.1"), elementOf("eve", "7.1"), elementOf("eve", "7.1")];
  joinSession(first);
  joinSession(second);
  leaveSession(first);
  leaveSession(second);
  joinSession(third);
  await settled();
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CONNECTING);
  leaveSession(third);
  await settled();
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CLOSED);
});

test("What something kept of a page shows no count until a new stream has begun.", () => {
  const session = joinSession(elementOf("kim", "7.1", { wasKept: true }));
  assert.equal(session.store.unread, 0);
  FakeEventSource.latest.send("hello", { modseq: 1, unread: 5, unseen: 0, mode: "resume" }, "7.1");
  assert.equal(session.store.unread, 5);
});

test("A page that is left, frozen or offline says so to its session, and goes on when it is back.", () => {
  const session = joinSession(elementOf("lea", "7.1"));
  listeners.get("freeze")();
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CLOSED);
  listeners.get("resume")();
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CONNECTING);
  listeners.get("offline")();
  assert.equal(session.store.connectionState, "offline");
  listeners.get("pagehide")();
  assert.deepEqual([session.store.isVerified, FakeEventSource.latest.readyState], [false, FakeEventSource.CLOSED]);
});
