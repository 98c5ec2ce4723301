// @ts-check
/** What is done to the items of a list: to one, to what is selected, to all of it. Each can be undone. */

import { formatCount } from "../dom/format.js";
import { findPart } from "../dom/parts.js";
import { readId, readRow } from "../dom/templates.js";
import { parsePosition } from "../state/position.js";

/** @import { ActingList, ActionName, Scope } from "../connection/actions.js" */
/** @import { Row } from "../state/list_state.js" */
/** @import { LiveElement } from "./live_element.js" */
/** @import { RowFocus } from "./row_focus.js" */
/** @import { Seen } from "./seen.js" */
/** @import { Selection } from "./selection.js" */
/** @import { UndoBar } from "./undo_bar.js" */

/**
 * The list that they are done in.
 * @typedef {LiveElement & ActingList & {ids: number[], items: HTMLElement[]}} ActedList
 */

const MOST_TITLE_CHARS = 60; // of what is said to be done

export class ListActions {
  #list;
  #selection;
  #seen;
  #focus;
  #undoBar;

  /**
   * @param {ActedList} list
   * @param {{selection: Selection, seen: Seen, focus: RowFocus, undoBar: UndoBar}} parts of it
   */
  constructor(list, { selection, seen, focus, undoBar }) {
    this.#list = list;
    this.#selection = selection;
    this.#seen = seen;
    this.#focus = focus;
    this.#undoBar = undoBar;
    list.listen(list, "submit", (/** @type {SubmitEvent} */ event) => this.#submit(event));
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    if (form.method !== "post") return;
    event.preventDefault();
    const action = /** @type {ActionName} */ (button.value);
    const item = /** @type {HTMLElement | null} */ (button.closest("li"));
    const bound = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("up_to"));
    if (item) this.perform(toggleAction(action, readRow(item)), [readId(item)]);
    else if (bound) this.#readAll(bound.value);
    else this.#actOnSelection(action);
  }

  /** @param {ActionName} action */
  #actOnSelection(action) {
    const { isEverything, ids } = this.#selection;
    const isByBar = findPart(this.#list, "selection")?.contains(document.activeElement);
    this.#selection.replace([]);
    if (isEverything) this.#actOnEverything(action);
    else this.perform(action, ids);
    if (isByBar) this.#focus.focusCurrent(); // the button goes with the selection
  }

  /** @param {string} bound */
  #readAll(bound) {
    const ids = this.#list.state.unreadIds(parsePosition(bound).modseq);
    const url = this.#list.dataset.readAllUrl ?? "";
    this.perform("read", ids, { url, fields: [["up_to", bound]], isWholeInbox: true });
  }

  /**
   * Act on all that the list holds on the server, narrowed as it is, as far as its reader has seen it.
   *
   * @param {ActionName} action
   */
  #actOnEverything(action) {
    const { actionsUrl = "", tab = "", category = "", level = "" } = this.#list.dataset;
    const { bound } = this.#seen;
    const { modseq } = parsePosition(bound);
    const ids = this.#list.ids.filter((id) => this.#list.state.getKnown(id).modseq <= modseq);
    const fields = Object.entries({ up_to: bound, tab, category, level });
    this.perform(action, ids, { url: actionsUrl, fields, isWholeInbox: !category && !level });
  }

  /**
   * Act, and offer undo for it.
   *
   * @param {ActionName} action
   * @param {number[]} ids
   * @param {Scope} [scope]
   */
  perform(action, ids, scope) {
    const { actions } = this.#list.session;
    const title = ids.length === 1 && !scope ? this.#readTitle(ids[0]) : "";
    const one = (this.#list.getAttribute(`data-done-${action}`) ?? "").replace("{title}", () => title);
    const many = this.#list.getAttribute(`data-done-${action}-many`) ?? "";
    this.#undoBar.offer({
      answers: actions.perform(this.#list, action, ids, scope),
      describe: (changed) => (title ? one : formatCount(many, changed)),
      undo: (answers) => {
        this.#focus.awaitReturn(ids.filter((id) => !this.#list.ids.includes(id)));
        actions.undo(this.#list, answers);
      },
    });
  }

  /**
   * How a row is called, in few words.
   *
   * @param {number} id
   */
  #readTitle(id) {
    const row = this.#list.items.find((item) => readId(item) === id);
    const title = row && findPart(row, "item__link")?.textContent?.trim();
    return title && title.length > MOST_TITLE_CHARS ? `${title.slice(0, MOST_TITLE_CHARS).trimEnd()}…` : (title ?? "");
  }
}

/**
 * The buttons of an item do the opposite of what was done already.
 *
 * @param {ActionName} action
 * @param {Row} row
 * @returns {ActionName}
 */
function toggleAction(action, { isRead, isArchived }) {
  if (action === "read" && isRead) return "unread";
  if (action === "archive" && isArchived) return "unarchive";
  return action;
}
