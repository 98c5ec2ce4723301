// @ts-check
/** What is selected in a list, also of items that are not in the document, and the bar that tells and uses it. */

import { formatCount } from "../dom/format.js";
import { setPart } from "../dom/parts.js";
import { readId } from "../dom/templates.js";
import { isInView } from "../dom/view.js";

/** @import { ListState } from "../state/list_state.js" */

/**
 * The list that it belongs to.
 * @typedef {HTMLElement & {items: HTMLElement[], ids: number[],
 *   state: ListState}} SelectableList
 */

export class Selection {
  #list;

  /** @type {Set<number>} */
  #ids;

  /** Whether what the page does not know is selected besides. */
  #isEverything = false;

  /** @param {SelectableList} list some of its boxes may be checked: a browser fills forms as they were */
  constructor(list) {
    this.#list = list;
    this.#ids = new Set(this.#checkedItems.map(readId));
  }

  get size() {
    return this.#ids.size;
  }

  get ids() {
    return [...this.#ids];
  }

  get isEverything() {
    return this.#isEverything;
  }

  /** @param {number[]} ids */
  replace(ids) {
    this.#ids = new Set(ids);
    this.#isEverything = false;
    this.show();
  }

  /** @param {number} id */
  add(id) {
    this.replace([...this.#ids, id]);
  }

  /** @param {number} id */
  remove(id) {
    this.replace(this.ids.filter((each) => each !== id));
  }

  selectEverything() {
    this.#isEverything = true;
    this.show();
  }

  /** What has left the list is selected no longer. */
  dropMissing() {
    const inList = new Set(this.#list.ids);
    for (const id of this.ids) {
      if (!inList.has(id)) this.#ids.delete(id);
    }
    this.show();
  }

  /** Show it in the boxes and in the bar. */
  show() {
    for (const item of this.#list.items) {
      const box = item.querySelector("input");
      if (box) box.checked = this.#ids.has(readId(item));
    }
    const isAny = this.size > 0;
    const isWholeList = isAny && this.size === this.#list.ids.length;
    const isMoreOffered = isWholeList && this.#list.state.next > 0 && !this.#isEverything;
    this.#list.toggleAttribute("data-selected", isAny);
    setPart(this.#list, "selection__all > input", { checked: isAny, indeterminate: isAny && !isWholeList });
    setPart(this.#list, "selection__rest", { hidden: !isMoreOffered });
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
      labelSelectedAll = "",
    } = this.#list.dataset;
    if (this.#isEverything) return labelSelectedAll;
    if (this.size === 0) return labelSelectAll;
    const inView = this.#checkedItems.filter(isInView).length;
    const beyond = this.size - inView;
    const phrase = beyond > 0 ? labelSelectedBeyond : labelSelected;
    return formatCount(phrase, this.size).replace("{hidden}", `${beyond}`);
  }

  get #checkedItems() {
    return this.#list.items.filter((item) => item.querySelector("input:checked"));
  }
}
