import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fillAvatar, hueOf, initials } from "../../../notifications/static/notifications/dom/avatar.js";

/** The same as tests/unit/pages/test_avatars.py. */
const CASES = JSON.parse(readFileSync(new URL("../../fixtures/avatars.json", import.meta.url)));

for (const [name, letters, hue] of CASES) {
  test(`${JSON.stringify(name)} is shown as on the server.`, () => {
    assert.deepEqual([initials(name), hueOf(name)], [letters, hue]);
  });
}

test("An avatar takes the letters and the hue of who sent the item, and is empty where nobody did.", () => {
  const place = {};
  const avatar = { dataset: {}, querySelector: () => place };
  fillAvatar(avatar, { actor: "Ada Lovelace" });
  assert.deepEqual([place.textContent, avatar.dataset.hue], ["AL", `${hueOf("Ada Lovelace")}`]);
  fillAvatar(avatar, {});
  assert.equal(place.textContent, "");
});
