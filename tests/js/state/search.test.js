import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ListState } from "../../../notifications/frontend/state/list_state.js";
import { parseSearch } from "../../../notifications/frontend/state/search.js";
import { change, item } from "../fakes.js";

const CASES = JSON.parse(readFileSync(new URL("../../fixtures/search.json", import.meta.url)));
const NOW = "2026-11-01T12:30:00+00:00";
const TIMES = { unread: {}, read: { read_at: NOW }, archived: { archived_at: NOW, read_at: NOW } };

for (const { text, search } of CASES.parsed) {
  test(`A line is understood as on the server: ${text}`, () => {
    const found = Object.entries(parseSearch(text)).filter(([, value]) => value?.length);
    assert.deepEqual(Object.fromEntries(found), search);
  });
}

for (const { text, zone, found } of CASES.zones) {
  test(`What arrives is judged by the server's days: ${text} in ${zone}`, () => {
    const list = new ListState({ tab: "all", q: text, zone });
    list.apply(change(8, 9, { upsert: [item(9, 9, CASES.item)] }));
    assert.deepEqual(list.ids, found ? [9] : []);
  });
}

test("Where the browser does not know the server's zone, its own is taken.", () => {
  for (const zone of [undefined, "", "Mars/Olympus"]) {
    const list = new ListState({ tab: "all", q: "after:2026-10-30 before:2026-11-03", zone });
    list.apply(change(8, 9, { upsert: [item(9, 9, CASES.item)] }));
    assert.deepEqual(list.ids, [9]);
  }
});

for (const { text, states } of CASES.matches) {
  test(`What arrives is judged as on the server: ${text}`, () => {
    const isForState = text.includes("is:");
    for (const [state, times] of Object.entries(TIMES)) {
      const tab = { unread: "unread", read: "all", archived: "archived" }[state];
      for (const each of isForState ? ["all", "unread", "archived"] : [tab]) {
        const list = new ListState({ tab: each, q: text, zone: "UTC" });
        list.apply(change(8, 9, { upsert: [item(9, 9, { ...CASES.item, ...times })] }));
        assert.deepEqual(list.ids, states.includes(state) ? [9] : [], `${state} in ${each}`);
      }
    }
  });
}
