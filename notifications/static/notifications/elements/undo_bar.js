// @ts-check
/** The bar that offers undo for what was done last, until its clock has run, which a style may hold. */

import { formatCount } from "../dom/format.js";
import { findPart, setPart } from "../dom/parts.js";

/** @import { LiveElement } from "./live_element.js" */

export class UndoBar {
  #bar;
  #onUndo = () => {};

  /** @param {LiveElement} owner */
  constructor(owner) {
    this.#bar = findPart(owner, "undo");
    if (!this.#bar) return;
    this.#bar.style.setProperty("--notification-undo-seconds", `${this.#bar.dataset.seconds}s`);
    const button = findPart(this.#bar, "undo__button");
    owner.listen(this.#bar, "animationend", () => this.#hide());
    if (button) owner.listen(button, "click", () => this.#undo(owner));
  }

  /**
   * @param {string} done what was done
   * @param {number} changed how many were changed
   * @param {() => void} onUndo
   */
  offer(done, changed, onUndo) {
    if (!this.#bar) return;
    this.#hide();
    this.#onUndo = onUndo;
    setPart(this.#bar, "undo__text", { textContent: changed > 1 ? formatCount(`${done}: {count}`, changed) : done });
    this.#bar.getBoundingClientRect(); // has the browser take note that it was hidden, so that the clock starts anew
    this.#bar.hidden = false;
  }

  #hide() {
    if (this.#bar) this.#bar.hidden = true;
  }

  /** @param {HTMLElement} owner */
  #undo(owner) {
    if (this.#bar?.hidden) return;
    if (this.#bar?.matches(":focus-within")) findPart(owner, "list")?.focus();
    this.#hide();
    this.#onUndo();
  }
}
