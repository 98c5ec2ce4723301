import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../../notifications/frontend/state/store.js";
import { change } from "../fakes.js";

const frame = (event, position, data) => ({ event, position, data });

function storeAt(position) {
  const store = new Store({ position, unread: 1 });
  const heard = [];
  for (const name of ["change", "reset"]) store.addEventListener(name, () => heard.push(name));
  return { store, heard };
}

test("A change that continues from here is applied and moves position and count.", () => {
  const { store, heard } = storeAt("7.41");
  assert.ok(!store.apply(frame("change", "7.42", change(41, 42, { unread: 5 }))));
  assert.deepEqual([store.position, store.unread, heard], ["7.42", 5, ["change"]]);
});

test("A change that starts before and ends after here is applied.", () => {
  const { store } = storeAt("7.41");
  assert.ok(!store.apply(frame("change", "7.50", change(30, 50))));
  assert.equal(store.position, "7.50");
});

test("A change that is known already changes nothing.", () => {
  const { store, heard } = storeAt("7.41");
  assert.ok(!store.apply(frame("change", "7.41", change(40, 41, { unread: 9 }))));
  assert.deepEqual([store.position, store.unread, heard], ["7.41", 1, []]);
});

test("A change that leaves something out is a gap and changes nothing.", () => {
  const { store, heard } = storeAt("7.41");
  assert.ok(store.apply(frame("change", "7.43", change(42, 43))));
  assert.deepEqual([store.position, heard], ["7.41", []]);
});

test("A greeting carries the server's counters, which are taken at once.", () => {
  const { store } = storeAt("7.41");
  store.apply(frame("hello", "7.41", { modseq: 41, unread: 8, unseen: 2, mode: "resume" }));
  assert.deepEqual([store.unread, store.unseen], [8, 2]);
  store.updateCounters({ position: "7.43", unread: 5, unseen: 0 });
  store.apply(frame("hello", "7.41", { modseq: 41, unread: 8, unseen: 2, mode: "resume" }));
  assert.equal(store.unread, 5, "an answer that is newer stands");
});

test("A greeting of another epoch is a gap where the stream goes on there, and none where a reset follows.", () => {
  const greet = (mode) => storeAt("7.41").store.apply(frame("hello", "8.5", { modseq: 5, unread: 8, mode }));
  assert.deepEqual([greet("resume"), greet("reset")], [true, false]);
});

test("An expectation shows over the server's counters, whatever they become, until it ends.", () => {
  const { store } = storeAt("7.41");
  store.updateCounters({ position: "7.41", unread: 5 });
  const end = store.expectUnread((unread) => unread - 2);
  assert.equal(store.unread, 3);
  store.apply(frame("change", "7.42", change(41, 42, { unread: 6 })));
  assert.equal(store.unread, 4);
  end();
  assert.equal(store.unread, 6);
});

test("A page that comes back shows no count until a new stream has proved whose it is.", () => {
  const { store } = storeAt("7.41");
  store.markUnverified();
  assert.deepEqual([store.unread, store.unseen], [0, 0]);
  store.apply(frame("connection", "7.41", "live"));
  store.apply(frame("change", "7.42", change(41, 42, { unread: 2 })));
  assert.equal(store.unread, 0, "a stream that was open before a logout proves nothing");
  store.apply(frame("hello", "7.42", { modseq: 42, unread: 2, unseen: 0, mode: "resume" }));
  assert.equal(store.unread, 2);
});

test("Whose session is over sees no count, and nothing that still comes is taken.", () => {
  const { store, heard } = storeAt("7.41");
  store.apply(frame("bye", "7.41", { reason: "auth" }));
  store.apply(frame("reset", "9.3", { modseq: 3, snapshot: { items: [], unread: 4, unseen: 0 } }));
  assert.deepEqual([store.unread, heard], [0, []]);
});

test("A change of another epoch is a gap.", () => {
  assert.ok(storeAt("7.41").store.apply(frame("change", "8.42", change(41, 42))));
});

test("A reset is applied whatever the position was, also backwards.", () => {
  const { store, heard } = storeAt("7.41");
  const snapshot = { items: [], unread: 3, unseen: 0 };
  assert.ok(!store.apply(frame("reset", "7.12", { modseq: 12, snapshot })));
  assert.deepEqual([store.position, store.unread, heard], ["7.12", 3, ["reset"]]);
});

test("A reset to where the page stands already changes nothing.", () => {
  const { store, heard } = storeAt("7.41");
  const snapshot = { items: [], unread: 3, unseen: 0 };
  assert.ok(!store.apply(frame("reset", "7.41", { modseq: 41, snapshot })));
  assert.deepEqual(heard, []);
});

test("A ping ahead of here is a gap, any other is known.", () => {
  const { store } = storeAt("7.41");
  assert.ok(!store.apply(frame("ping", "7.41", { modseq: 41 })));
  assert.ok(!store.apply(frame("ping", "7.41", { modseq: 40 })));
  assert.ok(store.apply(frame("ping", "7.42", { modseq: 42 })));
});

test("The end of the session is over, for good; other goodbyes mean nothing here.", () => {
  const { store } = storeAt("7.41");
  const told = [];
  store.addEventListener("connection", (event) => told.push(event.detail));
  assert.ok(!store.apply(frame("bye", "7.41", { reason: "rotate" })));
  assert.ok(!store.apply(frame("bye", "7.41", { reason: "auth" })));
  store.setConnectionState("offline");
  store.setConnectionState("connecting");
  assert.deepEqual([told, store.connectionState], [["over"], "over"]);
});

test("Any cut-up, repeated delivery of a log ends at its head with each change applied once, in order.", () => {
  for (let round = 0; round < 200; round++) {
    const { store } = storeAt("7.0");
    const applied = [];
    store.addEventListener("change", (event) => applied.push(event.detail.modseq));
    let sent = 0;
    while (store.modseq < 20) {
      sent = Math.random() < 0.3 ? Math.floor(Math.random() * 20) : sent; // lost, repeated, late
      const isGap = store.apply(frame("change", `7.${sent + 1}`, change(sent, sent + 1)));
      sent = isGap ? store.modseq : Math.min(sent + 1, 19);
    }
    assert.deepEqual(
      applied,
      [...Array(20).keys()].map((n) => n + 1),
    );
  }
});

test("An action's answer moves the count at once, unless it is older than what is known; never the position.", () => {
  const { store } = storeAt("7.41");
  store.updateCounters({ position: "7.40", unread: 9 });
  assert.equal(store.unread, 1);
  store.updateCounters({ position: "7.42", unread: 0 });
  assert.deepEqual([store.unread, store.position], [0, "7.41"]);
});

test("The connection is live with the first frame and connecting when it breaks; each change of it is told once.", () => {
  const { store } = storeAt("7.41");
  const told = [];
  store.addEventListener("connection", (event) => told.push(event.detail));
  assert.equal(store.connectionState, "connecting");
  store.apply(frame("ping", "7.41", { modseq: 41 }));
  store.apply(frame("ping", "7.41", { modseq: 41 }));
  store.apply(frame("connection", "7.41", "connecting"));
  store.apply(frame("bye", "7.41", { reason: "rotate" }));
  store.setConnectionState("offline");
  assert.deepEqual(told, ["live", "connecting", "offline"]);
});

test("However much actions expect, the count is never below none.", () => {
  const { store } = storeAt("7.41");
  store.expectUnread((unread) => unread - 3);
  store.expectUnread((unread) => unread + 1);
  assert.equal(store.unread, 1);
});

test("Counters of another epoch are of another history, and not taken.", () => {
  const { store } = storeAt("7.41");
  store.updateCounters({ position: "8.99", unread: 9, unseen: 9 });
  assert.equal(store.unread, 1);
});

test("Who tells the unread ones alone leaves the unseen ones as they are.", () => {
  const { store } = storeAt("7.41");
  store.updateCounters({ position: "7.41", unread: 4, unseen: 3 });
  store.updateCounters({ position: "7.42", unread: 5 });
  assert.deepEqual([store.unread, store.unseen], [5, 3]);
});

test("A leader that is ahead of here is a gap; one that is not, or does not know yet, is none.", () => {
  const { store } = storeAt("7.41");
  const isGap = (position) => store.apply(frame("connection", position, "live"));
  assert.deepEqual(
    [isGap("7.42"), isGap("7.41"), isGap("7.40"), isGap("8.1"), isGap("")],
    [true, false, false, true, false],
  );
});
