import assert from "node:assert/strict";
import { test } from "node:test";
import { Rows } from "../../notifications/static/notifications/rows.js";
import { change, item } from "./fakes.js";

const NOW = "2026-01-02T12:00:00+00:00";
const row = (id, modseq = id, more = {}) => ({ id, modseq, isRead: false, isArchived: false, ...more });
const page = (tab, rows, more = {}) => new Rows({ tab, ...more }, rows);
const after = (rows, more) => {
  rows.apply(change(8, 9, more));
  return rows.ids;
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

test("What is read leaves unread and stays in all.", () => {
  const upsert = [item(3, 9, { read_at: NOW })];
  assert.deepEqual(after(page("unread", [row(3)]), { upsert }), []);
  assert.deepEqual(after(page("all", [row(3)]), { upsert }), [3]);
});

test("Marking all as read reaches up to its bound, skips what is archived, and is stamped on the rows.", () => {
  const rows = page("all", [row(9, 12), row(5), row(4, 4, { isArchived: true })]);
  after(rows, { read_upto: 5, read_at: NOW });
  assert.deepEqual(rows.get(9), row(9, 12));
  assert.deepEqual(rows.get(5), row(5, 9, { isRead: true }));
  assert.deepEqual(rows.get(4), row(4, 4, { isArchived: true }));
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
  const rows = page("all", [row(19), row(15)], { before: 20, next: 15 });
  assert.deepEqual(after(rows, { upsert: [item(30, 31), item(17, 31), item(4, 31)] }), [19, 17, 15]);
});

test("A page that is the last takes what is older than its rows.", () => {
  assert.deepEqual(after(page("all", [row(19)], { before: 20 }), { upsert: [item(4, 31)] }), [19, 4]);
});

test("A further page joins below, and what the stream has told of its rows since stays.", () => {
  const rows = page("all", [row(9)], { next: 9 });
  rows.apply(change(8, 9, { upsert: [item(7, 9, { archived_at: NOW })] }));
  assert.deepEqual(rows.ids, [9]);
  rows.add([item(8, 8), item(7, 7)], 9, 7, 8);
  assert.deepEqual(rows.ids, [9, 8]);
});

test("A new one enters if it matches the filters, and leaves when it no longer does.", () => {
  const filters = { category: "billing", level: "error", q: "Invoice" };
  const rows = page("all", [], filters);
  const match = { category: "billing", level: "error", body: "Your INVOICE is late" };
  const upsert = [item(9, 9, match), item(8, 9, { ...match, level: "info" }), item(7, 9, { ...match, body: "" })];
  assert.deepEqual(after(rows, { upsert: [...upsert, item(6, 9, { ...match, category: "team" })] }), [9]);
  rows.apply(change(9, 10, { upsert: [item(9, 10, { ...match, body: "" })] }));
  assert.deepEqual(rows.ids, []);
});

test("A wish shows at once, changes the count of unread ones, and is taken back.", () => {
  const rows = page("all", [row(9), row(8)]);
  const wishes = [rows.wish([9], { isGone: true }), rows.wish([8], { isRead: true })];
  assert.deepEqual([rows.ids, rows.unread()], [[8], []]);
  assert.deepEqual(
    wishes.map((wish) => rows.difference(wish)),
    [-1, -1],
  );
  for (const wish of wishes) rows.takeBack(wish);
  assert.deepEqual(
    [rows.ids, rows.unread()],
    [
      [9, 8],
      [9, 8],
    ],
  );
});

test("The log has the last word: a wish goes when it tells of the row.", () => {
  const rows = page("all", [row(9), row(8), row(7)]);
  rows.wish([9, 8, 7], { isArchived: true });
  rows.apply(change(9, 10, { upsert: [item(9, 10)] }));
  rows.apply(change(10, 11, { read_upto: 8, read_at: NOW }));
  assert.deepEqual(rows.ids, [9, 8, 7]);
  rows.wish([9], { isGone: true });
  rows.apply(change(11, 12, { gone: [9] }));
  rows.apply(change(12, 13, { upsert: [item(9, 13)] })); // an undo
  assert.deepEqual(rows.ids, [9, 8, 7]);
});

test("What was deleted or read while a page was fetched stays so.", () => {
  const rows = page("all", [], { next: 9 });
  rows.apply(change(8, 9, { gone: [7], read_upto: 6, read_at: NOW }));
  rows.add([item(8, 8), item(7, 7), item(6, 6), item(5, 5, { archived_at: NOW })], 9, 0, 8);
  assert.deepEqual(rows.ids, [8, 6]);
  assert.deepEqual([rows.get(6).isRead, rows.get(5).isRead], [true, false]);
});

test("After a reset the pages fetched have the word on their range, and the stream on what came since.", () => {
  const rows = page("all", [row(9, 90), row(8), row(7), row(3)], { next: 3 });
  rows.doubt();
  rows.apply(change(49, 50, { upsert: [item(11, 50), item(7, 50, { title: "Edited" })] }));
  rows.add([item(10, 40), item(9, 30, { title: "From a backup" })], Number.MAX_SAFE_INTEGER, 6, 45);
  assert.deepEqual(rows.ids, [11, 10, 9, 7]);
  assert.deepEqual([rows.get(9).item.title, rows.get(7).item.title], ["From a backup", "Edited"]);
  assert.equal(rows.next, 6);
});

test("Marking all as read while rows are in doubt does not hide what the fetch says of them.", () => {
  // Regression: such rows took the frame's number, which is above the fetched page's, so the page had no say.
  const rows = page("all", [row(9), row(8), row(7)]);
  rows.doubt();
  rows.apply(change(50, 51, { read_upto: 40, read_at: NOW }));
  rows.add([item(9, 45), item(8, 38)], Number.MAX_SAFE_INTEGER, 0, 50);
  assert.deepEqual(rows.ids, [9, 8]);
  assert.deepEqual([rows.get(9).isRead, rows.get(8).isRead], [false, true]);
});
