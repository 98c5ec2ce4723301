import assert from "node:assert/strict";
import { test } from "node:test";
import { isFollowable } from "../../../notifications/static/notifications/dom/links.js";

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
