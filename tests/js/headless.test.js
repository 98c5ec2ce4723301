import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const ROOT = new URL("../../notifications/frontend/", import.meta.url);
const ENTRY = "connection/session.js";
const OF_A_PAGE =
  /\b(document|window|location|localStorage|customElements|HTML\w*Element|querySelector\w*|MutationObserver)\b/;
const IMPORT = /^(?:import|export) [^;]*?"(\.[^"]+)";/gm;

/** Without comments, which may speak of documents. */
const readCode = async (url) => (await readFile(url, "utf8")).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");

/** A module and all that it imports, by their addresses. */
async function collect(url, found = new Map()) {
  if (found.has(url.href)) return found;
  const code = await readCode(url);
  found.set(url.href, code);
  for (const [, name] of code.matchAll(IMPORT)) await collect(new URL(name, url), found);
  return found;
}

test("What keeps a reader's state and connection can be loaded alone: it and what it imports know no page.", async () => {
  const modules = await collect(new URL(ENTRY, ROOT));
  const names = [...modules.keys()].map((href) => href.replace(ROOT.href, "")).sort();
  for (const name of ["connection/actions.js", "connection/connection.js", "connection/tabs.js", "state/store.js"])
    assert.ok(names.includes(name), name);
  assert.deepEqual(
    names.filter((name) => !/^(connection|state)\//.test(name)),
    [],
  );
  for (const [href, code] of modules) assert.doesNotMatch(code, OF_A_PAGE, href);
});

test("A session runs where there is no document.", async () => {
  assert.equal(globalThis.document, undefined);
  const { Session } = await import(new URL(ENTRY, ROOT));
  const options = { streamUrl: "/stream/", readCsrfField: () => ["token", "1"] };
  const mine = new Session({ ...options, reader: "mine", counters: { position: "7.41", unread: 3 } });
  const theirs = new Session({ ...options, reader: "theirs", counters: { position: "8.1", unread: 1 } });
  mine.store.apply({
    event: "change",
    position: "7.42",
    data: { prev: 41, modseq: 42, upsert: [], gone: [], unread: 4, unseen: 0 },
  });
  assert.deepEqual([mine.store.unread, theirs.store.unread], [4, 1]);
});
