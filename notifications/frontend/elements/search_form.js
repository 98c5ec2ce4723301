// @ts-check
/** The search field and the selects beside it: the list is narrowed in its place while one types, and the address follows. */

import "../shared.js";

import { formatCount } from "../dom/format.js";
import { findPart, setPart } from "../dom/parts.js";

/** @import { LiveElement } from "./live_element.js" */

/**
 * What narrows a list; what is empty narrows nothing.
 * @typedef {{category: string, level: string, q: string}} Narrowing
 *
 * The list that it narrows.
 * @typedef {LiveElement & {ids: number[], state: {next: number}, narrowing: Narrowing | undefined,
 *   narrow: (narrowing: Narrowing, itemsUrl: string) => void, focusCurrent: () => void}} NarrowedList
 */

const TYPING_MS = 200; // nobody who still types is searched for

export class SearchForm {
  #list;

  /** @type {HTMLFormElement | null} */
  #form;

  /** @type {HTMLInputElement | null} */
  #field;

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #clock;

  /** @param {NarrowedList} list */
  constructor(list) {
    this.#list = list;
    this.#form = findPart(list, "filters");
    this.#field = findPart(list, "filters [type=search]");
    if (!this.#form || !this.#field) return; // a panel has none
    list.listen(this.#field, "input compositionend", (/** @type {InputEvent} */ event) => this.#type(event));
    list.listen(this.#field, "keydown", (/** @type {KeyboardEvent} */ event) => this.#press(event));
    list.listen(this.#form, "submit", (event) => {
      event.preventDefault();
      this.#search();
    });
    list.listen(list, "click", (event) => {
      const isForClear = /** @type {Element} */ (event.target).closest(".notification-empty__clear");
      if (!isForClear) return;
      event.preventDefault();
      this.#clear();
      this.#field?.focus();
    });
    this.#search(); // somebody may have typed before this was here
  }

  /**
   * Show what the list was narrowed to, and say how many were found.
   *
   * @param {Narrowing} narrowing
   * @param {string} [problem] what is wrong with what was looked for
   */
  showNarrowed(narrowing, problem) {
    const { category, level, q } = narrowing;
    const { labelFound = "", labelFoundSoFar = "", labelFoundNone = "" } = this.#list.dataset;
    showNarrowing(this.#list, narrowing);
    setPart(this.#list, "filters__problem", { textContent: problem });
    const phrase = this.#list.state.next ? labelFoundSoFar : labelFound;
    const text = formatCount(phrase, this.#list.ids.length) || labelFoundNone;
    setPart(this.#list, "filters__found", { textContent: category || level || q ? text : "" });
  }

  /** @param {InputEvent} event */
  #type({ type, isComposing }) {
    const isHalfAWord = isComposing && type !== "compositionend"; // of Chinese, as Pinyin
    clearTimeout(this.#clock);
    if (!isHalfAWord) this.#clock = setTimeout(() => this.#search(), TYPING_MS);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.#list.focusCurrent();
    else if (event.key === "Escape") this.#leave();
    else return;
    event.preventDefault();
  }

  /** Search for nothing, and go back to the list. */
  #leave() {
    if (this.#field?.value) {
      this.#field.value = "";
      this.#search();
    }
    this.#list.focusCurrent();
  }

  #clear() {
    for (const field of this.#form?.querySelectorAll("select, [type=search]") ?? []) {
      /** @type {HTMLInputElement} */ (field).value = "";
    }
    this.#search();
  }

  #search() {
    clearTimeout(this.#clock);
    const fields = new FormData(/** @type {HTMLFormElement} */ (this.#form));
    const [category, level, q] = ["category", "level", "q"].map((name) => `${fields.get(name) ?? ""}`.trim());
    const narrowing = { category, level, q };
    if (JSON.stringify(this.#list.narrowing) === JSON.stringify(narrowing)) return;
    const { pathname, search } = location;
    history.replaceState(history.state, "", narrowAddress(pathname + search, narrowing));
    this.#list.narrow(narrowing, narrowAddress(this.#list.dataset.itemsUrl ?? "", narrowing));
  }
}

/**
 * An address of the same list, narrowed otherwise, from its first page on.
 *
 * @param {string} address of a page or of its rows
 * @param {Narrowing} narrowing
 */
export function narrowAddress(address, narrowing) {
  const [path, query = ""] = address.split("?");
  const fields = new URLSearchParams(query);
  fields.delete("before");
  for (const [name, value] of Object.entries(narrowing)) {
    if (value) fields.set(name, value);
    else fields.delete(name);
  }
  return fields.size > 0 ? `${path}?${fields}` : path;
}

/**
 * Show in what stands around a list how it is narrowed: in its links, and in what says that it is empty.
 *
 * @param {HTMLElement} list
 * @param {Narrowing} narrowing
 */
function showNarrowing(list, narrowing) {
  const { category, level, q } = narrowing;
  const isNarrowed = Boolean(category || level || q);
  findPart(list, "filters")?.toggleAttribute("data-narrowed", isNarrowed);
  findPart(list, "read-all")?.toggleAttribute("hidden", isNarrowed);
  for (const notice of list.querySelectorAll(".notification-empty")) {
    notice.toggleAttribute("hidden", notice.hasAttribute("data-narrowed") !== isNarrowed);
  }
  for (const tab of list.querySelectorAll(".notification-tabs__tab")) {
    tab.setAttribute("href", narrowAddress(tab.getAttribute("href") ?? "", narrowing));
  }
  for (const link of list.querySelectorAll(".notification-nav__link")) showNarrowingInNav(list, link, narrowing);
}

/**
 * @param {HTMLElement} list
 * @param {Element} link
 * @param {Narrowing} narrowing
 */
function showNarrowingInNav({ dataset }, link, { category, level, q }) {
  const address = link.getAttribute("href") ?? "";
  const own = new URLSearchParams(address.split("?")[1]);
  const ownCategory = own.get("category") ?? "";
  if (ownCategory) link.setAttribute("href", narrowAddress(address, { category: ownCategory, level, q }));
  const isArchive = own.get("tab") === "archived";
  const isShown = isArchive ? dataset.tab === "archived" : ownCategory === category && dataset.tab !== "archived";
  if (isShown) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}
