// @ts-check
/** The bar that offers undo for what was done last, until its clock has run, which a style may hold, and then for what was before. */

import { findPart, setPart } from "../dom/parts.js";
import { UndoStack } from "../state/undo_stack.js";

/** @import { ActionAnswer } from "../connection/actions.js" */
/** @import { LiveElement } from "./live_element.js" */

/**
 * Something that was done: what the server answers, how to say it, and what takes it back.
 * @typedef {object} Doing
 * @property {Promise<ActionAnswer[]>} answers what can be undone
 * @property {(changed: number) => string} describe
 * @property {(answers: ActionAnswer[]) => void} undo
 */

export class UndoBar {
  #bar;

  /** @type {UndoStack<Doing>} */
  #stack;

  /** What to say of those that the server has answered. @type {Map<Doing, string>} */
  #texts = new Map();

  /** @param {LiveElement} owner */
  constructor(owner) {
    this.#bar = findPart(owner, "undo");
    const seconds = Number(this.#bar?.dataset.seconds ?? 0);
    this.#stack = new UndoStack(seconds * 1000);
    if (!this.#bar) return;
    this.#bar.style.setProperty("--notification-undo-seconds", `${seconds}s`);
    const button = findPart(this.#bar, "undo__button");
    owner.listen(this.#bar, "animationend", () => this.#end());
    if (button) owner.listen(button, "click", () => this.#undo());
  }

  /**
   * Offer to take something back, in the order of the calls. Undo takes it back even before it is answered.
   *
   * @param {Doing} doing
   */
  async offer(doing) {
    if (!this.#bar) return;
    this.#bar.hidden = true; // it speaks of something else
    this.#stack.push(doing);
    const answers = await doing.answers;
    const changed = answers.reduce((sum, answer) => sum + answer.changed, 0);
    if (changed > 0) this.#texts.set(doing, doing.describe(changed));
    else this.#stack.remove(doing);
    this.#show();
  }

  /** Show the latest that is answered, if any is left, for its whole time. */
  #show() {
    const doing = this.#stack.getLatest();
    const text = doing && this.#texts.get(doing);
    if (!this.#bar || (doing && text === undefined)) return; // its answer is on its way
    this.#bar.hidden = true;
    if (!doing) return;
    setPart(this.#bar, "undo__text", { textContent: text });
    this.#bar.getBoundingClientRect(); // has the browser take note that it was hidden, so that the clock starts anew
    this.#bar.hidden = false;
  }

  /** The time to take things back is over. */
  #end() {
    if (this.#bar) this.#bar.hidden = true;
    this.#stack.keepOnly((doing) => !this.#texts.has(doing));
    this.#texts.clear();
  }

  async #undo() {
    const doing = this.#stack.getLatest();
    if (!doing) return;
    this.#stack.remove(doing);
    this.#texts.delete(doing);
    this.#show();
    doing.undo(await doing.answers);
  }
}
