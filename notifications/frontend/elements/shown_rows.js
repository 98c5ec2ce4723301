// @ts-check
/**
 * Which rows of a list are in the document: those around what is in view, and a spacer for what stands above them. Scroll
 * anchoring keeps what is read in its place.
 *
 * Whatever asks where something stands comes before whatever changes something, and what is done for a step depends on the
 * rows that come and go, not on how long the list is.
 */

import { renderDays } from "../dom/days.js";
import { needPart } from "../dom/parts.js";
import { readId, readItems, renderRows } from "../dom/templates.js";
import { findInView } from "../dom/view.js";
import { countNewer } from "../state/list_state.js";

/** @import { Row } from "../state/list_state.js" */

const MOST_ITEMS = 200; // in the document
const STEP_ITEMS = 50; // they move by

export class ShownRows {
  #owner;
  #list;
  #spacer;

  /** How many rows stand above those that are in the document. */
  #start = 0;

  /** Of an item, on average. */
  #heightPx = 100;

  /** @param {HTMLElement} owner has the list, the spacer before it, and the templates */
  constructor(owner) {
    this.#owner = owner;
    this.#list = needPart(owner, "list");
    this.#spacer = needPart(owner, "spacer");
  }

  /** What is in the document. */
  get items() {
    return readItems(this.#list);
  }

  /** Whether something kept a page of which the top is missing. */
  get isCut() {
    return Number.parseFloat(this.#spacer.style.height) > 0;
  }

  /** Where the rows stand. */
  get box() {
    return this.#list.getBoundingClientRect();
  }

  /** Whether nothing stands above what is in the document. */
  get isFromTop() {
    return this.#start === 0;
  }

  /**
   * Whether it is scrolled to where other rows are to be in the document.
   *
   * @param {number[]} ids what belongs into the list, newest first
   */
  isElsewhere(ids) {
    return this.#findStart(ids) !== this.#start;
  }

  /**
   * Put the rows around what is in view into the document.
   *
   * @param {number[]} ids what belongs into the list, newest first
   * @param {(id: number) => Row} getRow
   * @param {number} [around] an id, near which the list is to be shown instead of where it is scrolled to
   */
  show(ids, getRow, around) {
    this.#measure();
    this.#start = this.#findStart(ids, around);
    const rows = ids.slice(this.#start, this.#start + MOST_ITEMS).map(getRow);
    const items = renderRows(this.#owner, this.#list, rows);
    renderDays(this.#owner, this.#list, items);
    this.#spacer.style.height = `${this.#start * this.#heightPx}px`;
    return items;
  }

  /** Name the days as they are called by now. */
  renameDays() {
    renderDays(this.#owner, this.#list, this.items);
  }

  /** How high an item is. Asked before anything changes: afterwards the page would be laid out for it. */
  #measure() {
    const count = this.items.length;
    if (this.isFromTop && count > 0) this.#heightPx = this.#list.offsetHeight / count || this.#heightPx;
  }

  /**
   * @param {number[]} ids
   * @param {number} [around] an id
   */
  #findStart(ids, around) {
    const [first] = findInView(this.items);
    const top = around ?? (first && readId(first));
    const passed = top ? countNewer(ids, top) : -this.#spacer.getBoundingClientRect().top / this.#heightPx;
    const start = Math.floor(passed / STEP_ITEMS - 1) * STEP_ITEMS;
    return Math.max(0, Math.min(start, ids.length - MOST_ITEMS));
  }
}
