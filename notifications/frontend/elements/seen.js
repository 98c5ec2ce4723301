// @ts-check
/** How far a list was seen: what arrives above the view is announced, and "mark all as read" does not reach it. */

import { formatCount } from "../dom/format.js";
import { setPart } from "../dom/parts.js";
import { countNewer } from "../state/list_state.js";

/** @import { LiveElement } from "./live_element.js" */

export class Seen {
  #list;

  /** The position up to which the reader has seen all that belongs here. */
  #bound;

  /** The newest item that was in view. @type {number | undefined} */
  #newestInView;

  /** Whether nothing here waits to be fetched anew, so that a bound can be drawn. */
  #isCertain = true;

  /**
   * @param {LiveElement} list
   * @param {number[]} ids what it shows from the start
   */
  constructor(list, ids) {
    this.#list = list;
    this.#bound = list.dataset.position ?? "";
    this.#newestInView = ids[0];
  }

  get bound() {
    return this.#bound;
  }

  /** What is known of the list is in doubt. */
  doubt() {
    this.#isCertain = false;
  }

  /** The list was fetched as it is now. */
  trust() {
    this.#isCertain = true;
  }

  /**
   * The list holds something else, which is shown from its top.
   *
   * @param {number[]} ids
   */
  restart(ids) {
    this.#isCertain = true;
    this.#newestInView = ids[0];
  }

  /**
   * Take note of what is in view.
   *
   * @param {number[]} ids what belongs into the list, newest first
   * @param {boolean} isTopInView
   */
  look(ids, isTopInView) {
    if (isTopInView) this.#newestInView = ids[0];
    const arrived = this.#newestInView === undefined ? 0 : countNewer(ids, this.#newestInView);
    setPart(this.#list, "arrived", { textContent: formatCount(this.#list.dataset.labelArrived ?? "", arrived) });
    if (arrived === 0 && this.#isCertain) this.#bound = this.#list.store.position;
    setPart(this.#list, "bound", { value: this.#bound });
  }
}
