import assert from "node:assert/strict";
import { test } from "node:test";
import { countNewer, ListState } from "../../../notifications/frontend/state/list_state.js";
import { change, item } from "../fakes.js";

const NOW = "2026-01-02T12:00:00+00:00";
const row = (id, modseq = id, more = {}) => ({ id, modseq, isRead: false, isArchived: false, ...more });
const page = (tab, state, more = {}) => new ListState({ tab, ...more }, state);
const after = (state, more) => {
  state.apply(change(8, 9, more));
  return state.ids;
};

test("What arrives is shown in all and unread, not in archived.", () => {
  for (const [tab, ids] of Object.entries({ all: [9], unread: [9], archived: [] })) {
    assert.deepEqual(after(page(tab, []), { upsert: [item(9, 9)] }), ids);
  }
});

test("What is archived leaves all and joins archived.", () => {
  const upsert = [item(3, 9, { archived_at: NOW })];
  assert.deepEqual(after(page("all", [row(3)]), { upsert }), []);
  assert.deepEqual(after(page("archived", []), { upsert }), [3]);
});

test("What is archived is read, also where it was archived unread.", () => {
  const state = page("archived", []);
  after(state, { upsert: [item(3, 9, { archived_at: NOW })] });
  assert.deepEqual(state.unreadIds(), []);
  assert.equal(state.get(3).isRead, true);
});

test("What is read leaves unread and stays in all.", () => {
  const upsert = [item(3, 9, { read_at: NOW })];
  assert.deepEqual(after(page("unread", [row(3)]), { upsert }), []);
  assert.deepEqual(after(page("all", [row(3)]), { upsert }), [3]);
});

test("Marking all as read reaches up to its bound, skips what is archived, and is stamped on the state.", () => {
  const state = page("all", [row(9, 12), row(5), row(4, 4, { isArchived: true })]);
  after(state, { read_upto: 5, read_at: NOW });
  assert.deepEqual(state.get(9), row(9, 12));
  assert.deepEqual(state.get(5), row(5, 9, { isRead: true }));
  assert.deepEqual(state.get(4), row(4, 4, { isArchived: true }));
});

test("Marking all as read empties unread up to its bound.", () => {
  assert.deepEqual(after(page("unread", [row(9), row(5)]), { read_upto: 5, read_at: NOW }), [9]);
});

test("What is gone leaves, and ids that are not here do not matter.", () => {
  assert.deepEqual(after(page("all", [row(3), row(2)]), { gone: [3, 77] }), [2]);
});

test("A row that is newer than a frame stays as it is.", () => {
  assert.deepEqual(after(page("all", [row(3, 20)]), { upsert: [item(3, 9, { archived_at: NOW })] }), [3]);
});

test("A later page takes nothing from the pages before and after it.", () => {
  const state = page("all", [row(19), row(15)], { before: 20, next: 15 });
  assert.deepEqual(after(state, { upsert: [item(30, 31), item(17, 31), item(4, 31)] }), [19, 17, 15]);
});

test("A page that is the last takes what is older than its state.", () => {
  assert.deepEqual(after(page("all", [row(19)], { before: 20 }), { upsert: [item(4, 31)] }), [19, 4]);
});

test("A further page joins below, and what the stream has told of its state since stays.", () => {
  const state = page("all", [row(9)], { next: 9 });
  state.apply(change(8, 9, { upsert: [item(7, 9, { archived_at: NOW })] }));
  assert.deepEqual(state.ids, [9]);
  state.addPage([item(8, 8), item(7, 7)], 9, 7, 8);
  assert.deepEqual(state.ids, [9, 8]);
});

test("A new one enters if it matches the filters, and leaves when it no longer does.", () => {
  const filters = { category: "billing", level: "error", q: "Invoice" };
  const state = page("all", [], filters);
  const match = { category: "billing", level: "error", body: "Your INVOICE is late" };
  const upsert = [item(9, 9, match), item(8, 9, { ...match, level: "info" }), item(7, 9, { ...match, body: "" })];
  assert.deepEqual(after(state, { upsert: [...upsert, item(6, 9, { ...match, category: "team" })] }), [9]);
  state.apply(change(9, 10, { upsert: [item(9, 10, { ...match, body: "" })] }));
  assert.deepEqual(state.ids, []);
});

test("An action shows at once, changes the count of unread ones, and is taken back.", () => {
  const state = page("all", [row(9), row(8)]);
  const updates = [state.addUpdate([9], { isGone: true }), state.addUpdate([8], { isRead: true })];
  assert.deepEqual([state.ids, state.unreadIds()], [[8], []]);
  assert.deepEqual(
    updates.map((update) => state.countUnreadChange(update)),
    [-1, -1],
  );
  for (const update of updates) state.removeUpdate(update);
  assert.deepEqual(
    [state.ids, state.unreadIds()],
    [
      [9, 8],
      [9, 8],
    ],
  );
});

test("The log has the last word: what an action shows goes when it tells of the row.", () => {
  const state = page("all", [row(9), row(8), row(7)]);
  state.addUpdate([9, 8, 7], { isArchived: true });
  state.apply(change(9, 10, { upsert: [item(9, 10)] }));
  state.apply(change(10, 11, { read_upto: 8, read_at: NOW }));
  assert.deepEqual(state.ids, [9, 8, 7]);
  state.addUpdate([9], { isGone: true });
  state.apply(change(11, 12, { gone: [9] }));
  state.apply(change(12, 13, { upsert: [item(9, 13)] })); // an undo
  assert.deepEqual(state.ids, [9, 8, 7]);
});

test("What was deleted or read while a page was fetched stays so.", () => {
  const state = page("all", [], { next: 9 });
  state.apply(change(8, 9, { gone: [7], read_upto: 6, read_at: NOW }));
  state.addPage([item(8, 8), item(7, 7), item(6, 6), item(5, 5, { archived_at: NOW })], 9, 0, 8);
  assert.deepEqual(state.ids, [8, 6]);
  assert.deepEqual([state.get(6).isRead, state.get(5).isRead], [true, true]);
});

test("After a reset the pages fetched have the word on their range, and the stream on what came since.", () => {
  const state = page("all", [row(9, 90), row(8), row(7), row(3)], { next: 3 });
  state.putInDoubt();
  state.apply(change(49, 50, { upsert: [item(11, 50), item(7, 50, { title: "Edited" })] }));
  state.addPage([item(10, 40), item(9, 30, { title: "From a backup" })], Number.MAX_SAFE_INTEGER, 6, 45);
  assert.deepEqual(state.ids, [11, 10, 9, 7]);
  assert.deepEqual([state.get(9).item.title, state.get(7).item.title], ["From a backup", "Edited"]);
  assert.equal(state.next, 6);
});

test("Marking all as read while state are in doubt does not hide what the fetch says of them.", () => {
  // Regression: such state took the frame's number, which is above the fetched page's, so the page had no say.
  const state = page("all", [row(9), row(8), row(7)]);
  state.putInDoubt();
  state.apply(change(50, 51, { read_upto: 40, read_at: NOW }));
  state.addPage([item(9, 45), item(8, 38)], Number.MAX_SAFE_INTEGER, 0, 50);
  assert.deepEqual(state.ids, [9, 8]);
  assert.deepEqual([state.get(9).isRead, state.get(8).isRead], [false, true]);
});

test("One row that was fetched is taken unless the log has told of it since; one that is not there is gone.", () => {
  const state = page("all", [row(5, 7)]);
  state.replace(5, row(5, 6, { isRead: true }), 9);
  assert.equal(state.get(5).isRead, false);
  state.replace(5, row(5, 8, { isRead: true }), 9);
  assert.equal(state.get(5).isRead, true);
  state.replace(5, undefined, 7);
  assert.deepEqual(state.ids, [5]);
  state.replace(5, undefined, 9);
  assert.deepEqual(state.ids, []);
  state.apply(change(9, 10, { upsert: [item(5, 10)] })); // an undo
  assert.deepEqual(state.ids, [5]);
});

test("How many are newer than an id is found among many, also for one that has left.", () => {
  const ids = [9, 7, 5, 3];
  assert.deepEqual(
    [10, 9, 8, 7, 3, 2].map((id) => countNewer(ids, id)),
    [0, 0, 1, 1, 3, 4],
  );
});

test("The ids are found anew after each kind of change, and only then.", () => {
  const state = page("all", [row(3), row(2)]);
  const { ids } = state;
  assert.equal(state.ids, ids);
  const update = state.addUpdate([3], { isArchived: true });
  assert.deepEqual(state.ids, [2]);
  state.removeUpdate(update);
  assert.deepEqual(state.ids, [3, 2]);
  assert.deepEqual(after(state, { upsert: [item(9, 9)] }), [9, 3, 2]);
  state.addPage([item(2, 10)], 10, 0, 10);
  assert.deepEqual(state.ids, [2]);
});

test("A list that is asked after each change and one that is asked at the end hold the same.", () => {
  let seed = 7;
  const random = (below) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (const tab of ["all", "unread", "archived"]) {
    const lists = [page(tab, [row(40), row(30)], { next: 25 }), page(tab, [row(40), row(30)], { next: 25 })];
    const updates = [];
    for (let modseq = 50; modseq < 150; modseq += 1) {
      const id = 1 + random(60);
      const state = { read_at: random(2) ? NOW : null, archived_at: random(3) ? null : NOW };
      const kind = random(6);
      if (kind === 4) updates.push(random(2) ? { isArchived: true } : { isRead: true });
      const next = Math.max(0, lists[0].next - 3);
      const pages = [item(id, modseq, state), item(next + 1, modseq, state)];
      for (const [index, list] of lists.entries()) {
        if (kind < 2) list.apply(change(modseq - 1, modseq, { upsert: [item(id, modseq, state)] }));
        if (kind === 2) list.apply(change(modseq - 1, modseq, { gone: [id] }));
        if (kind === 3) list.addPage(pages.slice(1), list.next, next, modseq);
        if (kind === 4) list.latest = list.addUpdate([id, id + 1], updates.at(-1));
        if (kind === 5 && list.latest) list.removeUpdate(list.latest);
        if (index === 0) assert.equal(new Set(list.ids).size, list.ids.length);
      }
    }
    assert.deepEqual(lists[0].ids, lists[1].ids, tab);
    assert.ok(lists[0].ids.length > 3);
  }
});

test("A change looks at what has changed, however long the list is.", () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => row(index + 1));
  const state = page("all", rows);
  assert.equal(state.ids.length, 10_000);
  const { get } = ListState.prototype;
  let looks = 0;
  ListState.prototype.get = function (id) {
    looks += 1;
    return get.call(this, id);
  };
  const update = state.addUpdate([5000, 6000], { isArchived: true });
  assert.equal(state.ids.length, 9998);
  state.removeUpdate(update);
  after(state, { upsert: [item(10_001, 9)] });
  ListState.prototype.get = get;
  assert.deepEqual([state.ids.length, looks], [10_001, 5]);
});
