// @ts-check
/** What is selected in a list, also of items that are not in the document, and the bar that tells and uses it. */

import { formatCount } from "../dom/format.js";
import { findPart, setPart } from "../dom/parts.js";
import { readId } from "../dom/templates.js";
import { findInView } from "../dom/view.js";
import { SelectedIds } from "../state/selected_ids.js";

/** @import { ListState } from "../state/list_state.js" */

/**
 * The list that it belongs to.
 * @typedef {HTMLElement & {items: HTMLElement[], ids: number[], state: ListState,
 *   countEverything: () => Promise<number | undefined>}} SelectableList
 */

export class Selection {
  #list;

  #selected;

  /** Whether what the page does not know is selected besides. */
  #isEverything = false;

  /** How many "everything" are, once the server has said so. @type {number | undefined} */
  #count;

  /** Counts what it asks the server, so that only the latest answer is shown. */
  #asked = 0;

  /** The list of which all that is selected is part. @type {number[] | undefined} */
  #keptOf;

  /** Whether a click or a key that changes a box has Shift with it. */
  #isRange = false;

  /** @param {SelectableList} list some of its boxes may be checked: a browser fills forms as they were */
  constructor(list) {
    this.#list = list;
    const checked = list.items.filter((item) => item.querySelector("input:checked"));
    this.#selected = new SelectedIds(checked.map(readId));
  }

  get size() {
    return this.#selected.size;
  }

  get ids() {
    return this.#selected.all;
  }

  get isEverything() {
    return this.#isEverything;
  }

  /** @param {Iterable<number>} ids */
  replace(ids) {
    this.#selected.replace(ids);
    this.#change();
  }

  /** Select all that the page knows. */
  selectAll() {
    this.replace(this.#list.ids);
  }

  /** @param {MouseEvent | KeyboardEvent} event before a box changes by it: a label's click on its box may forget the key */
  noteRange({ shiftKey }) {
    this.#isRange = shiftKey;
  }

  /**
   * A box was changed; with Shift all up to it.
   *
   * @param {number} id
   * @param {boolean} isSelected
   */
  set(id, isSelected) {
    if (this.#isRange) this.#selected.extendTo(id, this.#list.ids, isSelected);
    else this.#selected.set(id, isSelected);
    this.#change();
  }

  /** @param {number} id */
  extendTo(id) {
    this.#selected.extendTo(id, this.#list.ids);
    this.#change();
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  stepTo(from, to) {
    this.#selected.stepTo(from, to, this.#list.ids);
    this.#change();
  }

  selectEverything() {
    this.#isEverything = true;
    this.show();
  }

  /** What has left the list is selected no longer. */
  dropMissing() {
    const { ids } = this.#list;
    if (ids !== this.#keptOf) this.#selected.keepOnly(new Set(ids));
    this.#keptOf = ids;
    this.#isEverything &&= this.size > 0;
    this.show();
  }

  /** The server is asked once for each time that all of a list is selected: it may have become longer. */
  async #change() {
    this.#isEverything = false;
    this.show();
    if (!this.#isMoreOffered) return;
    this.#asked += 1;
    const asked = this.#asked;
    this.#count = undefined;
    const count = await this.#list.countEverything();
    if (asked !== this.#asked) return;
    this.#count = count;
    this.show();
  }

  get #isWholeList() {
    return this.size > 0 && this.size === this.#list.ids.length;
  }

  get #isMoreOffered() {
    const isOffered = findPart(this.#list, "selection__rest") && !this.#list.dataset.q; // no action looks for text
    return Boolean(isOffered) && this.#isWholeList && this.#list.state.next > 0 && !this.#isEverything;
  }

  /** Show it in the boxes and in the bar. */
  show() {
    for (const item of this.#list.items) {
      const isSelected = this.#selected.has(readId(item));
      item.toggleAttribute("data-selected", isSelected);
      const box = item.querySelector("input");
      if (box) box.checked = isSelected;
    }
    const isAny = this.size > 0;
    this.#list.toggleAttribute("data-selected", isAny);
    setPart(this.#list, "selection__all > input", {
      checked: isAny && this.#isWholeList,
      indeterminate: isAny && !this.#isWholeList,
    });
    const { labelSelectEverything = "", labelSelectCount = "" } = this.#list.dataset;
    setPart(this.#list, "selection__rest", {
      hidden: !this.#isMoreOffered,
      textContent: formatCount(labelSelectCount, this.#count ?? 0) || labelSelectEverything,
    });
    this.#showActions();
    this.showCount();
  }

  /** `u` reads what is unread, and only where nothing is makes it unread again. */
  #showActions() {
    const isAnyUnread = this.#isEverything || this.ids.some((id) => !this.#list.state.getKnown(id).isRead);
    for (const element of this.#list.querySelectorAll(".notification-selection__actions > button")) {
      const button = /** @type {HTMLButtonElement} */ (element);
      const isRead = button.value === "read";
      const isUnread = button.value === "unread";
      if (isRead || isUnread) {
        if (isRead === isAnyUnread) button.setAttribute("aria-keyshortcuts", "u");
        else button.removeAttribute("aria-keyshortcuts");
      }
      const canBeUndoneForAll = isRead || button.value === "archive";
      button.disabled = this.#isEverything && !canBeUndoneForAll;
    }
  }

  /** Say how many there are, and how many of them are out of view. */
  showCount() {
    setPart(this.#list, "selection__all > span", { textContent: this.#describe() });
  }

  #describe() {
    const {
      labelSelectAll = "",
      labelSelected = "",
      labelSelectedBeyond = "",
      labelSelectedCount = "",
      labelSelectedEverything = "",
    } = this.#list.dataset;
    if (this.#isEverything) return formatCount(labelSelectedCount, this.#count ?? 0) || labelSelectedEverything;
    if (this.size === 0) return labelSelectAll;
    const inView = findInView(this.#list.items).filter((item) => this.#selected.has(readId(item))).length;
    const beyond = this.size - inView;
    const phrase = beyond > 0 ? labelSelectedBeyond : labelSelected;
    return formatCount(phrase, this.size).replace("{hidden}", `${beyond}`);
  }
}
