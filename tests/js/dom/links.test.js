import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, isFollowable } from "../../../notifications/frontend/dom/links.js";

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

test("Every title leads somewhere: to its own link, or to the page of its notification.", () => {
  assert.equal(addressOf({ id: 12, url: "/orders/7/" }, "/notifications/0/"), "/orders/7/");
  assert.equal(addressOf({ id: 12, url: "" }, "/0/notifications/0/"), "/0/notifications/12/");
  assert.equal(addressOf({ id: 12, url: "javascript:alert(1)" }, "/n/0"), "/n/12");
  assert.equal(addressOf({ id: 12, url: "" }), "");
});
