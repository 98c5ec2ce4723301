import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

let Bell;
globalThis.HTMLElement = class {
  dataset = { labelNone: "None unread", labelSome: "{count} unread", countMany: "99+" };
  parts = {};

  querySelector(name) {
    this.parts[name] ??= { children: [] };
    return this.parts[name];
  }
};
globalThis.MutationObserver = class {};
globalThis.customElements = {
  define(_name, element) {
    Bell = element;
  },
};
await import("../../../notifications/frontend/elements/bell.js");

/** Let every bell of a page show a count; return the latest. */
function show(unread, bells = [new Bell()]) {
  for (const bell of bells) {
    Object.defineProperty(bell, "store", { value: { unread }, configurable: true });
    bell.showState();
  }
  return bells.at(-1);
}

beforeEach(() => {
  globalThis.document = { title: "Home", documentElement: { lang: "en" } };
  show(0);
});

test("The count stands before the title, once however many bells there are, and goes with the last unread one.", () => {
  const bells = [new Bell(), new Bell()];
  const titles = [3, 100, 0].map((unread) => show(unread, bells) && document.title);
  assert.deepEqual(titles, ["(3) Home", "(99+) Home", "Home"]);
});

test("A title that the page gives itself stays whole, also where it has the count in it.", () => {
  show(3);
  document.title = "Part (3) of 7";
  show(3);
  assert.equal(document.title, "(3) Part (3) of 7");
  show(4);
  assert.equal(document.title, "(4) Part (3) of 7");
});

test("The badge is empty where nothing is unread, and the name says so.", () => {
  const parts = (bell) => [".notification-bell__badge", ".notification-bell"].map((name) => bell.parts[name]);
  const told = (unread) => parts(show(unread)).map(({ textContent, ariaLabel }) => textContent ?? ariaLabel);
  assert.deepEqual(
    [told(0), told(7), told(1000)],
    [
      ["", "None unread"],
      ["7", "7 unread"],
      ["99+", "1,000 unread"],
    ],
  );
});
