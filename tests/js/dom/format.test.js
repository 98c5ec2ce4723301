import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCount, formatDay, formatShortTime, pageLanguage } from "../../../notifications/frontend/dom/format.js";

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

/** A moment of the reader's own zone, whichever that is. */
const at = (...parts) => new Date(...parts);
const plain = (text) => text.replace(/\s/g, " "); // languages have spaces of their own

test("Times are told in few letters: how long ago, then the day.", () => {
  const now = at(2026, 10, 25, 12).getTime();
  const ago = (seconds) => formatShortTime(now - seconds * 1000, now);
  read("en");
  assert.deepEqual([0, 59, 60, 3599, 3600, 86_399].map(ago), ["now", "now", "1m", "59m", "1h", "23h"]);
  const told = (moment) => plain(formatShortTime(moment.getTime(), now));
  assert.equal(told(at(2026, 10, 22, 9, 5)), "Sun 9:05 AM");
  assert.equal(told(at(2026, 10, 18, 12)), "Nov 18");
  assert.equal(told(at(2025, 10, 26, 12)), "Nov 26, 2025");
  read("zh-hans");
  assert.equal(ago(120), "2分钟");
  assert.equal(told(at(2026, 10, 22, 9, 5)), "周日09:05");
});

test("A moment in the future is now: clocks differ.", () => {
  read("en");
  assert.equal(formatShortTime(2_000_000, 1_000_000), "now");
});

test("Days are called as people call them, by midnights and not by hours.", () => {
  const now = at(2026, 10, 25, 0, 30);
  const named = (moment) => formatDay(moment, now);
  read("en");
  assert.equal(named(at(2026, 10, 25, 0, 1)), "Today");
  assert.equal(named(at(2026, 10, 24, 23, 59)), "Yesterday");
  assert.equal(named(at(2026, 10, 23, 12)), "Monday, November 23");
  assert.equal(named(at(2025, 11, 31, 12)), "Wednesday, December 31, 2025");
  assert.equal(named(at(2026, 10, 26, 12)), "Today"); // a server that is ahead
  read("zh-hans");
  assert.equal(named(at(2026, 10, 24, 12)), "昨天");
});
