import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, shortCount, withCount } from "../../notifications/static/notifications/count.js";
import { isFollowable } from "../../notifications/static/notifications/item.js";
import { isBehind, parse } from "../../notifications/static/notifications/position.js";
import { languageOf, relative } from "../../notifications/static/notifications/time.js";

test("A position is read strictly; anything else stands before everything.", () => {
  assert.deepEqual(parse("281474976710655.42"), { epoch: "281474976710655", modseq: 42 });
  for (const text of ["", "7", "7.", ".7", "7.x", "7.-1", " 7.1", "7.1\n8", "٧.١", undefined]) {
    assert.deepEqual(parse(text), { epoch: "0", modseq: 0 });
  }
});

test("Behind is who has a lower number, or another epoch.", () => {
  assert.deepEqual([isBehind("7.1", "7.2"), isBehind("7.2", "7.2"), isBehind("7.3", "7.2")], [true, false, false]);
  assert.deepEqual([isBehind("7.3", "8.2"), isBehind("8.2", "7.3")], [true, true]);
});

test("A count beyond 99 is cut, 99 is not.", () => {
  const short = (count) => shortCount(count, "99+", "en");
  assert.deepEqual([short(1), short(99), short(100)], ["1", "99", "99+"]);
  assert.equal(shortCount(12, "99+", "ar-EG"), "١٢");
});

test("The title carries one count at a time, and none for zero.", () => {
  assert.equal(withCount("Home", "3", ""), "(3) Home");
  assert.equal(withCount("(3) Home", "99+", "3"), "(99+) Home");
  assert.equal(withCount("(99+) Home", "", "99+"), "Home");
  assert.equal(withCount("(2024) Home", "", ""), "(2024) Home");
  assert.equal(withCount("(2024) Home", "3", ""), "(3) (2024) Home");
  assert.equal(withCount("Changed by the site", "4", "3"), "(4) Changed by the site");
});

test("A count in a phrase is written as the language does.", () => {
  assert.equal(counted("{count} new", 1204, "en"), "1,204 new");
  assert.equal(counted("{count} neue", 1204, "de"), "1.204 neue");
  assert.equal(counted("{count} 条新通知", 1204, "zh-hans"), "1,204 条新通知");
});

test("An element's language is what Intl knows of it, else the browser's.", () => {
  Object.defineProperty(globalThis, "navigator", { value: { language: "fr" }, configurable: true });
  const within = (lang) => languageOf({ closest: () => (lang === undefined ? null : { lang }) });
  assert.equal(within("zh-hans"), "zh-Hans");
  for (const lang of ["en_US", "", undefined]) assert.equal(within(lang), "fr");
});

test("Links lead to this site or to the web, nowhere else.", () => {
  for (const url of ["/", "/a/b?c#d", "http://a.example", "HTTPS://a.example/x"]) assert.ok(isFollowable(url), url);
  const others = [
    "",
    "a",
    "//a.example",
    "/\\a.example",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
  ];
  for (const url of others) assert.ok(!isFollowable(url), url);
});

test("Times are told in the largest unit that fits, in the reader's language.", () => {
  const now = Date.UTC(2026, 0, 31, 12);
  const ago = (seconds, language = "en") => relative(now - seconds * 1000, now, language);
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
  assert.equal(ago(120, "zh-hans"), "2分钟前");
});

test("A moment in the future is now: clocks differ.", () => {
  assert.equal(relative(2_000_000, 1_000_000, "en"), "now");
});
