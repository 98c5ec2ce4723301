import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ListState } from "../../../notifications/static/notifications/state/list_state.js";
import { parseSearch } from "../../../notifications/static/notifications/state/search.js";
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

for (const { text, states } of CASES.matches) {
  test(`What arrives is judged as on the server: ${text}`, () => {
    const isForState = text.includes("is:");
    for (const [state, times] of Object.entries(TIMES)) {
      const tab = { unread: "unread", read: "all", archived: "archived" }[state];
      for (const each of isForState ? ["all", "unread", "archived"] : [tab]) {
        const list = new ListState({ tab: each, q: text });
        list.apply(change(8, 9, { upsert: [item(9, 9, { ...CASES.item, ...times })] }));
        assert.deepEqual(list.ids, states.includes(state) ? [9] : [], `${state} in ${each}`);
      }
    }
  });
}
