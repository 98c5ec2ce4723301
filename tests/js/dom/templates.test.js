import assert from "node:assert/strict";
import { test } from "node:test";
import { leadOf } from "../../../notifications/frontend/dom/templates.js";

test("A title that begins with its sender is split after a whole word; Chinese words have no space between them.", () => {
  const cases = [
    ["Ada mentioned you", "Ada", "Ada"],
    ["Adam mentioned you", "Ada", ""],
    ["Ada", "Ada", "Ada"],
    ["Hello", "", ""],
    ["李伟评论了“首页文案”", "李伟", "李伟"],
    ["김민수님이 초대했습니다", "김민", ""],
  ];
  for (const [title, actor, lead] of cases) assert.equal(leadOf(title, actor), lead, title);
});
