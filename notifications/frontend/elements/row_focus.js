// @ts-check
/** Where the focus goes when its row leaves a list, and when what was undone comes back. */

import { findPart, needPart } from "../dom/parts.js";
import { readId, readItems } from "../dom/templates.js";
import { findNear } from "./roving.js";

/** @import { Roving } from "./roving.js" */

const RETURN_MS = 5000; // what takes longer to come back gets no focus any more

export class RowFocus {
  #owner;
  #list;
  #roving;
  #onMove;

  /** What is to have the focus once it is back, until when, and what has it till then. */
  #returning = { ids: /** @type {number[]} */ ([]), untilMs: 0, from: /** @type {Element | null} */ (null) };

  /**
   * @param {HTMLElement} owner
   * @param {Roving} roving knows at which row the reader was
   * @param {(from: number, to: number) => void} onMove called with the ids of a row that has left, and of the one with the focus now
   */
  constructor(owner, roving, onMove) {
    this.#owner = owner;
    this.#list = needPart(owner, "list");
    this.#roving = roving;
    this.#onMove = onMove;
  }

  /**
   * Change the rows, and focus what stands where the focus was.
   *
   * @param {() => HTMLElement[]} change returns the rows as they are then
   */
  keep(change) {
    const focused = document.activeElement;
    const row = focused?.closest("li");
    const items = change();
    if (row?.isConnected === false) this.#focusNear(row, focused, items);
    this.#focusReturned(items);
    return items;
  }

  /** Focus the row where the reader was, or the one below it. */
  focusCurrent() {
    (findNear(readItems(this.#list), this.#roving.wanted) ?? this.#list).focus({ preventScroll: true });
  }

  /**
   * Focus what an undo is about to bring back, once it is there.
   *
   * @param {number[]} ids
   */
  awaitReturn(ids) {
    const isInBar = findPart(this.#owner, "undo")?.contains(document.activeElement);
    if (isInBar) this.focusCurrent(); // the bar goes
    this.#returning = { ids, untilMs: performance.now() + RETURN_MS, from: document.activeElement };
  }

  /**
   * Focus the same button in the item below one that has gone.
   *
   * @param {HTMLElement} gone
   * @param {Element | null} focused was in it
   * @param {HTMLElement[]} items
   */
  #focusNear(gone, focused, items) {
    const row = findNear(items, readId(gone));
    const near = row ?? this.#list;
    near.focus({ preventScroll: true });
    if (row) this.#onMove(readId(gone), readId(row));
    if (!(focused instanceof HTMLButtonElement)) return;
    const button = /** @type {HTMLElement | null} */ (
      near.querySelector(`button[value="${CSS.escape(focused.value)}"]`)
    );
    button?.focus({ preventScroll: true });
  }

  /**
   * Focus what an undo has brought back, unless the reader has moved on since.
   *
   * @param {HTMLElement[]} items
   */
  #focusReturned(items) {
    const { ids, untilMs, from } = this.#returning;
    if (!ids.length) return;
    const isOver = performance.now() > untilMs || document.activeElement !== from;
    const row = isOver ? undefined : items.find((item) => ids.includes(readId(item)));
    row?.focus();
    if (isOver || row) this.#returning = { ids: [], untilMs: 0, from: null };
  }
}
