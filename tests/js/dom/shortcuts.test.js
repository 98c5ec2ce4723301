import assert from "node:assert/strict";
import { test } from "node:test";
import { nameKey } from "../../../notifications/frontend/dom/shortcuts.js";

test("A key is called as the help calls it, with Shift only where that is a choice of the reader's.", () => {
  const named = [
    ["j", false],
    ["J", true],
    ["J", false], // Caps Lock
    ["#", true], // Shift+3 on some keyboards
    ["#", false],
    ["?", true],
    ["*", true],
    ["ArrowDown", true],
    ["Home", false],
  ].map(([key, shiftKey]) => nameKey({ key, shiftKey }));
  assert.deepEqual(named, ["j", "Shift+j", "j", "#", "#", "?", "*", "Shift+ArrowDown", "Home"]);
});
