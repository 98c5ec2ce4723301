import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Rows } from "../../notifications/static/notifications/rows.js";
import { Store } from "../../notifications/static/notifications/store.js";
import { change } from "./fakes.js";

globalThis.HTMLElement = class {};
const { act } = await import("../../notifications/static/notifications/act.js");

beforeEach(() => {
  globalThis.document = { querySelector: () => ({ name: "csrfmiddlewaretoken", value: "token" }) };
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(globalThis, "fetch", async () => Response.json({ changed: 1, position: "7.42", unread: 0, unseen: 0 }));
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** A list that stands at a position and counts how often it fetches itself. */
function listAt(position) {
  const nothing = () => {};
  const store = new Store({ position, unread: 1 });
  const rows = new Rows({ tab: "all" });
  const dataset = { actUrl: "/selection/", readAllUrl: "/read/" };
  return { store, rows, dataset, refresh: mock.fn(), say: nothing, draw: nothing, select: nothing };
}

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
  const ids = Array.from({ length: 10_000 }, (_, id) => id);
  for (const [count, keepalive] of [
    [10, true],
    [10_000, false],
  ]) {
    await act(listAt("7.42"), "read", ids.slice(0, count));
    await settled();
    assert.equal(globalThis.fetch.mock.calls.at(-1).arguments[1].keepalive, keepalive);
  }
});
