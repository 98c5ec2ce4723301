import assert from "node:assert/strict";
import { test } from "node:test";
import { Rows } from "../../notifications/static/notifications/rows.js";
import { change, item } from "./fakes.js";

const NOW = "2026-01-02T12:00:00+00:00";
const row = (id, modseq = id, more = {}) => ({ id, modseq, isRead: false, isArchived: false, ...more });
const page = (tab, rows, more = {}) => new Rows({ tab, before: null, hasMore: false, rows, ...more });
const shown = ({ show, hide }) => ({ show: show.map(({ row }) => row.id), hide });

test("What arrives is shown in all and unread, not in archived.", () => {
  for (const [tab, show] of Object.entries({ all: [9], unread: [9], archived: [] })) {
    assert.deepEqual(shown(page(tab, []).apply(change(8, 9, { upsert: [item(9, 9)] }))), { show, hide: [] });
  }
});

test("What is archived leaves all and joins archived.", () => {
  const upsert = [item(3, 9, { archived_at: NOW })];
  assert.deepEqual(shown(page("all", [row(3)]).apply(change(8, 9, { upsert }))), { show: [], hide: [3] });
  assert.deepEqual(shown(page("archived", []).apply(change(8, 9, { upsert }))), { show: [3], hide: [] });
});

test("What is read leaves unread and stays in all.", () => {
  const upsert = [item(3, 9, { read_at: NOW })];
  assert.deepEqual(shown(page("unread", [row(3)]).apply(change(8, 9, { upsert }))), { show: [], hide: [3] });
  assert.deepEqual(shown(page("all", [row(3)]).apply(change(8, 9, { upsert }))), { show: [3], hide: [] });
});

test("Marking all as read reaches up to its bound, skips what is archived, and is stamped on the rows.", () => {
  const rows = page("all", [row(9), row(5), row(4, 4, { isArchived: true })]);
  const { show } = rows.apply(change(9, 10, { read_upto: 5, read_at: NOW }));
  assert.deepEqual(show, [{ row: row(5, 10, { isRead: true }), item: undefined }]);
});

test("Marking all as read empties unread up to its bound.", () => {
  const rows = page("unread", [row(9), row(5)]);
  assert.deepEqual(shown(rows.apply(change(9, 10, { read_upto: 5, read_at: NOW }))), { show: [], hide: [5] });
  assert.equal(rows.size, 1);
});

test("What is gone leaves, and ids that are not here do not matter.", () => {
  assert.deepEqual(shown(page("all", [row(3)]).apply(change(8, 9, { gone: [3, 77] }))), { show: [], hide: [3] });
});

test("A row that is newer than a frame stays as it is.", () => {
  const rows = page("all", [row(3, 20)]);
  assert.deepEqual(shown(rows.apply(change(8, 9, { upsert: [item(3, 9, { archived_at: NOW })] }))), {
    show: [],
    hide: [],
  });
});

test("The same frame a second time changes nothing.", () => {
  const rows = page("all", [row(3)]);
  const frame = change(8, 9, { upsert: [item(3, 9), item(4, 9)] });
  rows.apply(frame);
  assert.deepEqual(shown(rows.apply(frame)), { show: [], hide: [] });
});

test("A later page takes nothing from the pages before and after it.", () => {
  const rows = page("all", [row(19), row(15)], { before: 20, hasMore: true });
  const upsert = [item(30, 31), item(17, 31), item(4, 31)];
  assert.deepEqual(shown(rows.apply(change(30, 31, { upsert }))).show, [17]);
});

test("A page that is the last takes what is older than its rows.", () => {
  const rows = page("all", [row(19)], { before: 20 });
  assert.deepEqual(shown(rows.apply(change(30, 31, { upsert: [item(4, 31)] }))).show, [4]);
});

test("Trimming leaves the oldest to the next page, which then takes them.", () => {
  const rows = page("all", [row(9), row(8), row(7), row(6)]);
  assert.deepEqual(rows.trim(2), [7, 6]);
  assert.deepEqual(rows.trim(2), []);
  assert.deepEqual(shown(rows.apply(change(9, 10, { upsert: [item(7, 10)] }))).show, []);
});
