import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.HTMLElement = class {};
const { narrowAddress } = await import("../../../notifications/frontend/elements/search_form.js");

const NOTHING = { category: "", level: "", q: "" };

test("An address is narrowed from its first page on, keeps its tab, and loses what narrows no longer.", () => {
  const address = "/notifications/?tab=unread&before=42&q=old";
  assert.equal(narrowAddress(address, { ...NOTHING, q: "two words" }), "/notifications/?tab=unread&q=two+words");
  assert.equal(narrowAddress(address, NOTHING), "/notifications/?tab=unread");
  assert.equal(narrowAddress("/notifications/?q=old", NOTHING), "/notifications/");
});

test("What is typed stays what was typed.", () => {
  const address = narrowAddress("/n/?part=rows", { ...NOTHING, category: "a&b", q: 'from:"Ada & Co" 100%' });
  const fields = new URL(address, "http://site.test").searchParams;
  assert.deepEqual(
    [fields.get("part"), fields.get("category"), fields.get("q")],
    ["rows", "a&b", 'from:"Ada & Co" 100%'],
  );
});
