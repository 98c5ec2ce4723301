import assert from "node:assert/strict";
import { test } from "node:test";
import { isBehind, isSameEpoch, parse } from "../../notifications/static/notifications/store.js";
import { counted, language, relative } from "../../notifications/static/notifications/words.js";

globalThis.HTMLElement = class {};
const { isFollowable } = await import("../../notifications/static/notifications/element.js");

/** Look at a page whose `<html>` has this language. */
function read(lang) {
  globalThis.document = { documentElement: { lang } };
}

test("A position is read strictly; anything else stands before everything.", () => {
  assert.deepEqual(parse("281474976710655.42"), { epoch: "281474976710655", modseq: 42 });
  for (const text of ["", "7", "7.", ".7", "7.x", "7.-1", " 7.1", "7.1\n8", "٧.١", undefined]) {
    assert.deepEqual(parse(text), { epoch: "0", modseq: 0 });
  }
});

test("Behind is who has a lower number of the same epoch; epochs have no order.", () => {
  assert.deepEqual([isBehind("7.1", "7.2"), isBehind("7.2", "7.2"), isBehind("7.3", "7.2")], [true, false, false]);
  assert.deepEqual([isBehind("7.3", "8.2"), isBehind("8.2", "7.3")], [false, false]);
  assert.deepEqual([isSameEpoch("7.3", "7.9"), isSameEpoch("7.3", "8.3")], [true, false]);
});

test("A count in a phrase is written as the language does.", () => {
  const said = (lang, phrase) => {
    read(lang);
    return counted(phrase, 1204);
  };
  assert.equal(said("en", "{count} new"), "1,204 new");
  assert.equal(said("de", "{count} neue"), "1.204 neue");
  assert.equal(said("zh-hans", "{count} 条新通知"), "1,204 条新通知");
  assert.equal(said("ar-EG", "{count}"), "١٬٢٠٤");
});

test("The page's language is what Intl knows of it, else the browser's.", () => {
  Object.defineProperty(globalThis, "navigator", { value: { language: "fr" }, configurable: true });
  read("zh-hans");
  assert.equal(language(), "zh-Hans");
  for (const lang of ["en_US", ""]) {
    read(lang);
    assert.equal(language(), "fr");
  }
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
  const ago = (seconds) => relative(now - seconds * 1000, now);
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
  assert.equal(relative(2_000_000, 1_000_000), "now");
});
