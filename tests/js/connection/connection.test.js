import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Connection } from "../../../notifications/frontend/connection/connection.js";
import { change, FakeChannel, FakeEventSource } from "../fakes.js";

const seconds = (count) => mock.timers.tick(count * 1000);
const opened = () => FakeEventSource.all.map((source) => source.url);

beforeEach(() => {
  const locks = { request: async (_name, _options, lead) => lead() };
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  globalThis.EventSource = FakeEventSource;
  globalThis.BroadcastChannel = FakeChannel;
  FakeChannel.all = new Set();
  FakeEventSource.all = [];
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  mock.method(Math, "random", () => 1);
  mock.method(console, "warn", () => {});
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** Open a connection whose tab leads at once; `store` notes what it is given, and says whether it is a gap. */
function openAt(position) {
  const [frames, told] = [[], []];
  const store = {
    position,
    apply({ event, data, ...frame }) {
      if (event === "connection") told.push(data);
      else frames.push({ event, data, ...frame });
      return this.isGap;
    },
  };
  const connection = new Connection({ url: "/stream/", store });
  connection.start();
  return { connection, store, frames, told };
}

test("Frames are passed on with the position they lead to; a ping carries the latest one.", () => {
  const { frames } = openAt("7.41");
  assert.deepEqual(opened(), ["/stream/?since=7.41"]);
  FakeEventSource.latest.send("change", change(41, 42), "7.42");
  FakeEventSource.latest.send("ping", { modseq: 42 });
  assert.deepEqual(
    frames.map(({ event, position }) => [event, position]),
    [
      ["change", "7.42"],
      ["ping", "7.42"],
    ],
  );
});

test("After 45 s of silence the stream is opened anew from where it stands.", () => {
  openAt("7.41");
  FakeEventSource.latest.send("change", change(41, 42), "7.42");
  seconds(44);
  FakeEventSource.latest.send("ping", { modseq: 42 });
  seconds(44);
  assert.equal(opened().length, 1);
  seconds(1);
  assert.deepEqual(opened(), ["/stream/?since=7.41", "/stream/?since=7.42"]);
  assert.equal(FakeEventSource.all[0].readyState, FakeEventSource.CLOSED);
});

test("What the browser closed for good is opened anew with growing pauses, and quickly again once a ping came.", () => {
  openAt("7.41");
  for (const pause of [1, 2, 4]) {
    FakeEventSource.latest.refuse();
    const before = opened().length;
    seconds(pause - 0.1);
    assert.equal(opened().length, before);
    seconds(0.1);
    assert.equal(opened().length, before + 1);
  }
  FakeEventSource.latest.send("ping", { modseq: 41 }, "7.41");
  FakeEventSource.latest.refuse();
  seconds(1);
  assert.equal(opened().length, 5);
});

test("Going back is done at once, then with pauses; it closes the connection meanwhile.", () => {
  const { store } = openAt("7.50");
  const lose = (position) => {
    Object.assign(store, { position, isGap: true });
    FakeEventSource.latest.send("change", change(59, 60), "7.60");
  };
  lose("7.41");
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CLOSED);
  seconds(0);
  lose("7.40");
  seconds(0.9);
  assert.equal(opened().length, 2);
  seconds(0.1);
  assert.deepEqual(opened().slice(1), ["/stream/?since=7.41", "/stream/?since=7.40"]);
});

test("After a goodbye the browser is left to wait for the server's retry.", () => {
  openAt("7.41");
  FakeEventSource.latest.send("bye", { reason: "overload" });
  seconds(299);
  assert.equal(opened().length, 1);
});

test("With too many streams this one closes, until the page is looked at.", () => {
  const { connection } = openAt("7.41");
  FakeEventSource.latest.send("bye", { reason: "cap" });
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CLOSED);
  seconds(599);
  assert.equal(opened().length, 1);
  connection.check();
  assert.equal(opened().length, 2);
});

test("A check leaves a connection alone that was heard of, and opens one that slept with the machine.", () => {
  const { connection } = openAt("7.41");
  FakeEventSource.latest.send("ping", { modseq: 41 }, "7.41");
  connection.check();
  assert.equal(opened().length, 1);
  mock.timers.setTime(46_000); // a sleeping machine's timers do not fire
  connection.check();
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CONNECTING);
});

test("A new network means a new connection, also where the old one looks open.", () => {
  const { connection } = openAt("7.41");
  FakeEventSource.latest.send("ping", { modseq: 41 }, "7.41");
  connection.check({ isNetworkNew: true });
  assert.equal(opened().length, 2);
});

test("A closed stream stays closed.", () => {
  const { connection } = openAt("7.41");
  connection.stop();
  seconds(1000);
  assert.equal(opened().length, 1);
});

test("A stream refused with 403 ends as after a logout; with 500 it is tried again. (The tab that takes over after a logout in another tab gets no `bye`.)", async () => {
  const { frames } = openAt("7.41");
  mock.method(globalThis, "fetch", async () => ({ status: 500 }));
  FakeEventSource.latest.refuse();
  await new Promise(setImmediate);
  assert.deepEqual(frames, []);
  seconds(2);
  assert.equal(opened().length, 2);

  mock.method(globalThis, "fetch", async () => ({ status: 403 }));
  FakeEventSource.latest.refuse();
  await new Promise(setImmediate);
  assert.deepEqual(frames, [{ event: "bye", position: "7.41", data: { reason: "auth" } }]);
  seconds(600);
  assert.equal(opened().length, 2);
});

test("A connection that breaks says so at once, whether the browser tries again or has given up.", () => {
  const { told } = openAt("7.41");
  FakeEventSource.latest.listeners.get("error")({});
  FakeEventSource.latest.refuse();
  assert.deepEqual(told, ["connecting", "connecting"]);
});

test("Without a network the connection is offline, in whichever order the browser tells.", () => {
  const { told } = openAt("7.41");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  FakeEventSource.latest.listeners.get("error")({});
  assert.deepEqual(told, ["offline"]);
});

test("A stream refused with 401 ends as one refused with 403.", async () => {
  const { frames } = openAt("7.41");
  mock.method(globalThis, "fetch", async () => ({ status: 401 }));
  FakeEventSource.latest.refuse();
  await new Promise(setImmediate);
  assert.deepEqual(frames, [{ event: "bye", position: "7.41", data: { reason: "auth" } }]);
});

test("What is learnt of a stream that has been replaced meanwhile does not end the new one.", async () => {
  const { connection, frames } = openAt("7.41");
  let answer;
  mock.method(globalThis, "fetch", () => new Promise((resolve) => (answer = resolve)));
  FakeEventSource.latest.refuse();
  connection.check({ isNetworkNew: true });
  answer({ status: 403 });
  await new Promise(setImmediate);
  assert.deepEqual(frames, []);
  assert.equal(FakeEventSource.latest.readyState, FakeEventSource.CONNECTING);
});

test("A page whose session is over opens no stream.", () => {
  const store = { position: "7.41", connectionState: "over", apply: () => false };
  new Connection({ url: "/stream/", store }).start();
  assert.deepEqual(opened(), []);
});

test("A stream that is being opened proves the login as well as another one would.", () => {
  const { connection } = openAt("7.41");
  connection.verify();
  assert.equal(opened().length, 1);
  FakeEventSource.latest.send("ping", { modseq: 41 }, "7.41");
  connection.verify();
  assert.equal(opened().length, 2);
});
