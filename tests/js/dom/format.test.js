import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCount, formatTimeAgo, pageLanguage } from "../../../notifications/static/notifications/dom/format.js";

/** Look at a page whose `<html>` has this language. */
function read(lang) {
  globalThis.document = { documentElement: { lang } };
}

test("A count in a phrase is written as the language does.", () => {
  const said = (lang, phrase) => {
    read(lang);
    return formatCount(phrase, 1204);
  };
  assert.equal(said("en", "{count} new"), "1,204 new");
  assert.equal(said("de", "{count} neue"), "1.204 neue");
  assert.equal(said("zh-hans", "{count} 条新通知"), "1,204 条新通知");
  assert.equal(said("ar-EG", "{count}"), "١٬٢٠٤");
});

test("The page's language is what Intl knows of it, else the browser's.", () => {
  Object.defineProperty(globalThis, "navigator", { value: { language: "fr" }, configurable: true });
  read("zh-hans");
  assert.equal(pageLanguage(), "zh-Hans");
  for (const lang of ["en_US", ""]) {
    read(lang);
    assert.equal(pageLanguage(), "fr");
  }
});

test("Times are told in the largest unit that fits, in the reader's language.", () => {
  const now = Date.UTC(2026, 0, 31, 12);
  const ago = (seconds) => formatTimeAgo(now - seconds * 1000, now);
  read("en");
  assert.deepEqual(
    [0, 59, 60, 3599, 3600, 86_400, 172_800, 604_800, 2_592_000, 31_536_000].map((seconds) => ago(seconds)),
    [
      "now",
      "now",
      "1 minute ago",
      "59 minutes ago",
      "1 hour ago",
      "yesterday",
      "2 days ago",
      "last week",
      "last month",
      "last year",
    ],
  );
  read("zh-hans");
  assert.equal(ago(120), "2分钟前");
});

test("A moment in the future is now: clocks differ.", () => {
  read("en");
  assert.equal(formatTimeAgo(2_000_000, 1_000_000), "now");
});
