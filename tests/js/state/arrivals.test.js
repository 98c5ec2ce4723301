import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Arrivals, collectIds, sumUp } from "../../../notifications/frontend/state/arrivals.js";
import { change, item } from "../fakes.js";

const arrivals = () => new Arrivals(6);
const brings = (...upsert) => change(1, 2, { upsert });
const titles = (items) => items.map(({ title }) => title);

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"] }));
afterEach(() => mock.timers.reset());

test("Many items are summed up by sender, or by category where nobody sent them, most first, and with the errors counted.", () => {
  const sent = (actor, fields = {}) => item(1, 1, { actor, category: "builds", ...fields });
  const items = [sent("Li Wei"), sent(""), sent("Ada"), sent("Ada"), sent("", { level: "error" }), sent("Ada")];
  assert.deepEqual(sumUp(items), {
    count: 6,
    failed: 1,
    sources: [
      { name: "Ada", count: 3, isSender: true },
      { name: "builds", count: 2, isSender: false },
      { name: "Li Wei", count: 1, isSender: true },
    ],
  });
});

test("A sender who is called as a category is not taken for it, and what has neither is counted only.", () => {
  const items = [item(1, 1, { actor: "ops" }), item(2, 1, { category: "ops" }), item(3, 1, { category: "" })];
  const { count, sources } = sumUp(items.map((each) => ({ actor: "", ...each })));
  assert.equal(count, 3);
  assert.deepEqual(
    sources.map(({ name, isSender }) => [name, isSender]),
    [
      ["ops", true],
      ["ops", false],
    ],
  );
});

test("What has a higher id than all that the page knew is new.", () => {
  assert.deepEqual(arrivals().receive(brings(item(7, 2), item(8, 2))), [7, 8]);
});

test("An edit of what is older than the page is not new.", () => {
  assert.deepEqual(arrivals().receive(brings(item(6, 2))), []);
});

test("What a long transaction wrote before the page and committed after it is new, whatever its time.", () => {
  // Regression: what was created more than 2 s before the page counted as old.
  const slow = { created_at: "2020-01-01T12:00:00+00:00" };
  assert.deepEqual(arrivals().receive(brings(item(7, 2, slow))), [7]);
});

test("What comes read or archived is not new, and is not when it becomes unread.", () => {
  const it = arrivals();
  const at = "2026-01-01T12:00:00+00:00";
  assert.deepEqual(it.receive(brings(item(7, 2, { read_at: at }), item(8, 2, { archived_at: at }))), []);
  assert.deepEqual(it.receive(brings(item(7, 3), item(8, 3))), []);
});

test("A job is new when it has ended, once, however long it ran.", () => {
  const it = arrivals();
  const at = "2026-01-01T12:00:00+00:00";
  const job = (/** @type {number} */ modseq, /** @type {string} */ state, /** @type {string | null} */ read_at) =>
    brings(item(7, modseq, { read_at, created_at: "2026-01-01T11:00:00+00:00", data: { progress: { state } } }));
  assert.deepEqual(it.receive(job(2, "running", at)), []);
  assert.deepEqual(it.receive(job(3, "running", at)), []);
  assert.deepEqual(it.receive(job(4, "success", null)), [7]);
  assert.deepEqual(it.receive(job(5, "success", null)), []);
  assert.deepEqual(it.receive(job(6, "success", at)), []);
  assert.deepEqual(it.receive(job(7, "success", null)), []);
});

test("An edit of something new is not new again, and is what one gets from then on.", () => {
  const it = arrivals();
  it.receive(brings(item(7, 2)));
  assert.deepEqual(it.receive(brings(item(7, 3, { title: "Edited" }))), []);
  assert.deepEqual(titles(it.unreadItems([7])), ["Edited"]);
});

test("What is read, archived or deleted elsewhere is gone, one by one or all up to a position.", () => {
  const it = new Arrivals(0);
  const at = "2026-01-01T12:00:00+00:00";
  it.receive(brings(...[1, 2, 3, 4, 5].map((id) => item(id, id))));
  it.receive(brings(item(1, 6, { read_at: at }), item(2, 6, { archived_at: at })));
  it.receive(change(6, 7, { gone: [3] }));
  it.receive(change(7, 8, { read_upto: 4 }));
  assert.deepEqual(titles(it.unreadItems([1, 2, 3, 4, 5])), ["Number 5"]);
});

test("What was the newest is not new when it is edited.", () => {
  const it = new Arrivals(9);
  assert.deepEqual(it.receive(brings(item(9, 6), item(10, 6))), [10]);
});

test("A batch is taken once, some time after the first, with all that came.", () => {
  const taken = [];
  const add = collectIds(100, 1000, (ids) => taken.push(ids));
  add([]);
  mock.timers.tick(1000);
  assert.deepEqual(taken, []);
  add([1]);
  mock.timers.tick(99);
  add([2, 3]);
  mock.timers.tick(1);
  assert.deepEqual(taken, [[1, 2, 3]]);
});

test("However much comes, batches keep their distance and leave nothing out.", () => {
  const taken = [];
  const add = collectIds(100, 1000, (ids) => taken.push([Date.now(), ids]));
  for (let id = 1; id <= 400; id++) {
    if (id <= 300) add([id]);
    mock.timers.tick(10);
  }
  assert.deepEqual(
    taken.map(([at]) => at),
    [100, 1100, 2100, 3100],
  );
  assert.deepEqual(
    taken.flatMap(([, ids]) => ids),
    Array.from({ length: 300 }, (_, index) => index + 1),
  );
});

test("Who asks twice gets the same order: the oldest first.", () => {
  const arrivals = new Arrivals(0);
  const item = (id) => ({ id, modseq: id, title: `${id}`, read_at: null, archived_at: null, data: {} });
  arrivals.receive({ modseq: 3, upsert: [item(1), item(2), item(3)], gone: [] });
  const told = () => arrivals.unreadItems([1, 2, 3]).map(({ id }) => id);
  assert.deepEqual(
    [told(), told()],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  );
});
