// @ts-check
/**
 * One tab stop for a list: its current row, and what that row holds.
 *
 * j, k and the arrows go from row to row and → and ← within one, as in a grid of the ARIA Authoring Practices
 * (https://www.w3.org/WAI/ARIA/apg/patterns/grid/). A list item says nothing of that to who does not know it, so Tab goes on
 * into the current row as well, and from there out of the list.
 */

import { findPart } from "../dom/parts.js";
import { readId } from "../dom/templates.js";

/** @import { LiveElement } from "./live_element.js" */

const CONTROLS = "a, button, input, summary";

/** Lists in this document, so that no two rows have the same id. */
let lists = 0;

export class Roving {
  #prefix;

  /** The row that the reader was at last; it may have gone. @type {number | undefined} */
  #wanted;

  /** What Tab reaches. @type {HTMLElement | undefined} */
  #current;

  /** Rows whose controls are named. @type {WeakSet<HTMLElement>} */
  #named = new WeakSet();

  /** @param {LiveElement} list */
  constructor(list) {
    lists += 1;
    this.#prefix = `notification-${lists}`;
    list.listen(list, "focusin", ({ target }) => {
      const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("li[data-id]"));
      if (row && list.contains(row)) this.moveTo(row);
    });
    const template = list.querySelector("template");
    const blank = /** @type {HTMLElement | null} */ (template?.content.firstElementChild ?? null);
    if (blank) close(blank); // and with it whatever is made of it
  }

  /** The id of the row that the reader was at last, or nothing. */
  get wanted() {
    return this.#wanted;
  }

  /**
   * Let Tab reach one of these rows.
   *
   * @param {HTMLElement[]} items in the document
   */
  show(items) {
    for (const item of items) {
      if (this.#named.has(item)) continue;
      this.#named.add(item);
      this.#name(item);
      if (item !== this.#current) close(item);
    }
    const current = findNear(items, this.#wanted);
    if (current !== this.#current) this.#open(current);
  }

  /** @param {HTMLElement} row */
  moveTo(row) {
    this.#wanted = readId(row);
    if (row !== this.#current) this.#open(row);
  }

  /** @param {HTMLElement | undefined} row */
  #open(row) {
    if (this.#current) close(this.#current);
    this.#current = row;
    if (!row) return;
    row.tabIndex = 0;
    for (const control of row.querySelectorAll(CONTROLS)) control.removeAttribute("tabindex");
  }

  /**
   * Name a row by its heading, and say with each button to which row it belongs.
   *
   * @param {HTMLElement} row
   */
  #name(row) {
    const title = findPart(row, "item__link");
    const heading = findPart(row, "item__heading") ?? title;
    if (!title || !heading) return;
    title.id ||= `${this.#prefix}-${readId(row)}`;
    heading.id ||= `${title.id}-heading`;
    row.setAttribute("aria-labelledby", heading.id);
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-describedby", title.id);
  }

  /**
   * Focus the next or the previous of a row and its controls.
   *
   * @param {HTMLElement} row
   * @param {1 | -1} step
   */
  moveWithin(row, step) {
    this.moveTo(row);
    const controls = [...row.querySelectorAll(CONTROLS)].map((each) => /** @type {HTMLElement} */ (each));
    const stops = [row, ...controls.filter(canHaveFocus)];
    const index = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    stops[Math.max(0, index) + step]?.focus();
  }
}

/** @param {HTMLElement} control */
function canHaveFocus(control) {
  const isNoLink = control.matches("a:not([href])");
  return !isNoLink && !control.matches(":disabled") && control.checkVisibility({ visibilityProperty: true });
}

/**
 * The row of an id, or the one below where it was, or the last.
 *
 * @param {HTMLElement[]} items
 * @param {number} [id]
 */
export function findNear(items, id = Number.POSITIVE_INFINITY) {
  return items.find((item) => readId(item) <= id) ?? items.at(-1);
}

/** @param {HTMLElement} row */
function close(row) {
  row.tabIndex = -1;
  for (const control of row.querySelectorAll(CONTROLS)) control.setAttribute("tabindex", "-1");
}
