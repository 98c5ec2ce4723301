import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

let NotificationSettings;
let parts;

/** What of an element the switches use. */
class Part {
  constructor(attributes) {
    this.attributes = { ...attributes };
    this.dataset = { when: this.attributes["data-when"] };
    Object.assign(this, attributes);
  }

  getAttribute(name) {
    return this.attributes[name] ?? null;
  }

  toggleAttribute(name, isOn) {
    this[name] = isOn;
  }
}

globalThis.HTMLElement = class {
  querySelectorAll(selector) {
    if (selector === "input") return parts.filter((part) => part.name);
    const paragraphs = parts.filter((part) => !part.name);
    return selector === "p" ? paragraphs : paragraphs.filter((part) => part.dataset.when);
  }
};
globalThis.customElements = {
  define(_name, element) {
    NotificationSettings = element;
  },
};
await import("../../../notifications/frontend/elements/settings.js");

/** Show the settings in a browser that permits so much, and holds these. */
function show(permission, stored = {}) {
  globalThis.Notification = permission && { permission };
  globalThis.localStorage = { getItem: (name) => stored[name] ?? null };
  new NotificationSettings().showState();
  const [toasts, desktop, denied, missing] = parts;
  return { toasts, desktop, denied, missing };
}

beforeEach(() => {
  parts = [
    new Part({ name: "toasts" }),
    new Part({ name: "desktop" }),
    new Part({ "data-when": "denied", hidden: true }),
    new Part({ "data-when": "missing", hidden: true }),
    new Part({ hidden: false }),
  ];
});

test("Toasts are on and desktop notifications off until somebody switches them.", () => {
  const { toasts, desktop } = show("granted");
  assert.deepEqual([toasts.checked, desktop.checked], [true, false]);
  const stored = { "notifications.toasts": "off", "notifications.desktop": "on" };
  const switched = show("granted", stored);
  assert.deepEqual([switched.toasts.checked, switched.desktop.checked], [false, true]);
});

test("Desktop notifications that the browser refuses are off, cannot be switched on, and say why.", () => {
  const stored = { "notifications.desktop": "on" };
  const refused = show("denied", stored);
  assert.deepEqual([refused.desktop.checked, refused.desktop.disabled], [false, true]);
  assert.deepEqual([refused.denied.hidden, refused.missing.hidden], [false, true]);
  const without = show(undefined, stored);
  assert.deepEqual([without.denied.hidden, without.missing.hidden], [true, false]);
  assert.equal(show("default", stored).desktop.disabled, false);
});

test("What is no such reason stays: the link to the programs with access.", () => {
  // Regression: every paragraph was hidden that did not tell of the browser's permission.
  show("granted");
  assert.equal(parts.at(-1).hidden, false);
});
