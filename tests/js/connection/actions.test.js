import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Session } from "../../../notifications/frontend/connection/session.js";
import { ListState } from "../../../notifications/frontend/state/list_state.js";
import { change, item } from "../fakes.js";

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(AbortSignal, "timeout", () => undefined);
  mock.method(console, "warn", () => {});
  mock.method(globalThis, "fetch", async () => Response.json({ changed: 1, position: "7.42", unread: 0, unseen: 0 }));
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** A list that stands at a position and counts how often it fetches itself. */
function listAt(position) {
  const nothing = () => {};
  const session = new Session({
    streamUrl: "/stream/",
    counters: { position, unread: 1 },
    readCsrfField: () => ["csrfmiddlewaretoken", "token"],
  });
  return {
    session,
    store: session.store,
    state: new ListState({ tab: "all" }),
    dataset: { actionsUrl: "/selection/", undoUrl: "/undo/" },
    refresh: mock.fn(async () => {}),
    showMessage: mock.fn(),
    draw: nothing,
  };
}

/** Do something in a list. */
const act = (list, ...rest) => list.session.actions.perform(list, ...rest);

/** A list of these unread ones. */
function listOf(...ids) {
  const list = listAt("7.41");
  list.state.apply(change(40, 41, { upsert: ids.map((id) => item(id, 41)) }));
  list.store.updateCounters({ position: "7.41", unread: ids.length });
  return list;
}

/** Let each post wait for what the test answers. */
function hold() {
  const waiting = [];
  globalThis.fetch.mock.mockImplementation(() => new Promise((...settle) => waiting.push(settle)));
  return waiting;
}

const TIME = "2026-01-02T12:00:00+00:00";

test("What the stream has not brought two seconds after the answer is fetched.", async () => {
  const list = listAt("7.41");
  await act(list, "read", [1]);
  mock.timers.tick(1999);
  assert.equal(list.refresh.mock.callCount(), 0);
  mock.timers.tick(1);
  assert.equal(list.refresh.mock.callCount(), 1);
});

test("What the stream has brought meanwhile is not fetched again.", async () => {
  const list = listAt("7.41");
  await act(list, "read", [1]);
  list.store.apply({ event: "change", position: "7.42", data: change(41, 42) });
  mock.timers.tick(2000);
  assert.equal(list.refresh.mock.callCount(), 0);
});

test("A post outlives its page where the browser allows that, which is up to 64 KiB.", async () => {
  for (const [length, keepalive] of [
    [10, true],
    [60_000, false],
  ]) {
    await act(listAt("7.42"), "read", [1], { url: "/", fields: [["q", "x".repeat(length)]] });
    await settled();
    assert.equal(globalThis.fetch.mock.calls.at(-1).arguments[1].keepalive, keepalive);
  }
});

test("More than one request may hold are several, and what those did that were answered stands.", async () => {
  const list = listOf(...Array.from({ length: 600 }, (_, index) => index + 1));
  const answers = [
    Response.json({ changed: 500, position: "7.42", unread: 100, unseen: 0 }),
    new Response("", { status: 500 }),
  ];
  globalThis.fetch.mock.mockImplementation(async () => answers.shift());
  await act(list, "read", list.state.ids);
  assert.equal(globalThis.fetch.mock.callCount(), 2);
  assert.deepEqual([list.store.unread, list.state.unreadIds().length], [100, 100]);
});

test("A count that was shown for an action is the server's again when the answer is lost, whatever the stream told meanwhile.", async () => {
  // Regression: the frame of our own action made the count equal to what was expected, and the failure put the old one back.
  const list = listOf(1, 2);
  const waiting = hold();
  const acting = act(list, "archive", [1]);
  assert.equal(list.store.unread, 1);
  list.store.apply({ event: "change", position: "7.42", data: change(41, 42, { unread: 1 }) });
  list.state.apply(change(41, 42, { upsert: [item(1, 42, { archived_at: TIME })] }));
  assert.equal(list.store.unread, 1);
  waiting[0][1](new TypeError("Failed to fetch"));
  await acting;
  assert.equal(list.store.unread, 1);
});

test("What is archived is shown as read, and stays so when it returns; as unread it returns by itself.", () => {
  const list = listOf(1, 2);
  hold();
  act(list, "archive", [1]);
  assert.deepEqual([list.state.get(1).isRead, list.store.unread], [true, 1]);
  act(list, "unarchive", [1]);
  assert.deepEqual([list.state.get(1).isRead, list.state.ids, list.store.unread], [true, [2, 1], 1]);
  act(list, "archive", [1]);
  act(list, "unread", [1]);
  assert.deepEqual([list.state.get(1).isArchived, list.state.ids, list.store.unread], [false, [2, 1], 2]);
});

test("Where another device was quicker the count is what the stream told.", async () => {
  const list = listOf(1, 2);
  const waiting = hold();
  const acting = act(list, "delete", [1]);
  list.state.apply(change(41, 42, { gone: [1] }));
  list.store.apply({ event: "change", position: "7.42", data: change(41, 42, { gone: [1], unread: 1 }) });
  waiting[0][0](new Response("{}", { status: 404 }));
  await acting;
  assert.equal(list.store.unread, 1);
  assert.equal(list.refresh.mock.callCount(), 1);
});

test("Two actions that fail leave the count as it was, in whichever order they fail.", async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const list = listOf(1, 2, 3);
    const waiting = hold();
    const acting = [act(list, "read", [1]), act(list, "archive", [2])];
    assert.equal(list.store.unread, 1);
    for (const index of order) waiting[index][1](new TypeError("Failed to fetch"));
    await Promise.all(acting);
    assert.deepEqual([list.store.unread, list.state.unreadIds().length], [3, 3]);
  }
});

test("Two actions on one row count it once.", async () => {
  const list = listOf(1, 2);
  const waiting = hold();
  const acting = [act(list, "read", [1]), act(list, "archive", [1])];
  assert.equal(list.store.unread, 1);
  waiting[0][0](Response.json({ changed: 1, position: "7.42", unread: 1, unseen: 0 }));
  await acting[0];
  assert.equal(list.store.unread, 1);
  waiting[1][0](Response.json({ changed: 1, position: "7.43", unread: 1, unseen: 0 }));
  await acting[1];
  assert.equal(list.store.unread, 1);
});

test("Who is logged out by now, or somebody else, is told so; a form that is out of date is another thing.", async () => {
  for (const [status, code, state] of [
    [401, "", "over"],
    [403, "not_logged_in", "over"],
    [403, "reader", "over"],
    [403, "csrf", "connecting"],
  ]) {
    const list = listOf(1);
    globalThis.fetch.mock.mockImplementation(async () => Response.json({ error: { code } }, { status }));
    await act(list, "read", [1]);
    assert.equal(list.store.connectionState, state);
  }
});

test("Each action can be taken back, also where another one was begun before its answer.", async () => {
  // Regression: only the latest one could.
  const list = listOf(1, 2);
  const waiting = hold();
  const acting = [act(list, "archive", [1]), act(list, "archive", [2])];
  for (const [index, [answer]] of waiting.entries()) {
    const undo = { token: `token ${index}` };
    answer(Response.json({ changed: 1, position: `7.4${index + 2}`, unread: 1 - index, unseen: 0, undo }));
  }
  const tokens = (await Promise.all(acting)).map((answers) => answers.map(({ undo }) => undo.token));
  assert.deepEqual(tokens, [["token 0"], ["token 1"]]);
});
