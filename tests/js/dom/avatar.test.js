import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fillAvatar, hueOf, initials } from "../../../notifications/frontend/dom/avatar.js";

/** The same as tests/unit/pages/test_avatars.py. */
const CASES = JSON.parse(readFileSync(new URL("../../fixtures/avatars.json", import.meta.url)));

for (const [name, letters, hue] of CASES) {
  test(`${JSON.stringify(name)} is shown as on the server.`, () => {
    assert.deepEqual([initials(name), hueOf(name)], [letters, hue]);
  });
}

/** An avatar as `templates/live_notifications/_avatar.html` has it, as far as it is filled. */
function makeAvatar() {
  const attributes = {};
  const parts = {
    '[data-field="initials"]': {},
    use: { setAttribute: (name, value) => Object.assign(attributes, { [name]: value }) },
    img: { hidden: true, removeAttribute: () => delete parts.img.src },
  };
  const avatar = {
    dataset: {},
    querySelector: (selector) => parts[selector],
    removeAttribute: () => delete avatar.dataset.hue,
    toggleAttribute: (name, isOn) => Object.assign(attributes, { [name]: isOn }),
  };
  return { avatar, attributes, letters: parts['[data-field="initials"]'], image: parts.img };
}

test("An avatar takes the letters and the hue of who sent the item, and is a tile where nobody did.", () => {
  const { avatar, letters } = makeAvatar();
  fillAvatar(avatar, { actor: "Ada Lovelace" });
  assert.deepEqual([letters.textContent, avatar.dataset.hue], ["AL", `${hueOf("Ada Lovelace")}`]);
  fillAvatar(avatar, {});
  assert.deepEqual([letters.textContent, avatar.dataset.hue], ["", undefined]);
});

test("Its sign is the one that the notification names, else that of its level; a plain one is not worth a corner.", () => {
  const { avatar, attributes } = makeAvatar();
  const signs = [
    [{ level: "info", data: { icon: "mention" } }, "#notification-icon-mention", false],
    [{ level: "error", data: {} }, "#notification-icon-error", false],
    [{ level: "error", data: { icon: '"><script>' } }, "#notification-icon-error", false],
    [{ level: "info", data: null }, "#notification-icon-info", true],
  ];
  for (const [item, href, isPlain] of signs) {
    fillAvatar(avatar, item);
    assert.deepEqual([attributes.href, attributes["data-plain"]], [href, isPlain]);
  }
});

test("A picture comes from this site or not at all.", () => {
  const { avatar, image } = makeAvatar();
  fillAvatar(avatar, { data: { avatar: "/media/ada.png" } });
  assert.deepEqual([image.src, image.hidden], ["/media/ada.png", false]);
  for (const foreign of ["https://elsewhere.example/a.png", "//elsewhere.example/a.png", "/\\elsewhere.example", 7]) {
    fillAvatar(avatar, { data: { avatar: foreign } });
    assert.deepEqual([image.src, image.hidden], [undefined, true], `${foreign}`);
  }
});
