// @ts-check
/** A key presses what names it in `aria-keyshortcuts`; j and k step. What is selected goes before what has the focus. */

import { isSwitchedOn } from "../state/settings.js";

/**
 * The list that hears the keys.
 * @typedef {HTMLElement & {isPage: boolean, hasSelection: boolean, items: HTMLElement[]}} KeyedList
 */

const IS_TYPED_INTO = "input:not([type=checkbox]), textarea, select, [contenteditable], dialog";

/**
 * @param {KeyboardEvent} event
 * @param {KeyedList} list
 */
export function pressShortcut(event, list) {
  const target = /** @type {Element} */ (event.target);
  if (!isShortcut(event, target) || !isSwitchedOn("shortcuts")) return;
  if (!list.isPage && !list.contains(target)) return;
  const item = /** @type {HTMLElement | null} */ (target.closest("li.notification-item"));
  const aim = findAim(event.key, list, item);
  if (!aim) return;
  event.preventDefault();
  if (aim.matches("li, [type=search]")) aim.focus();
  else aim.click();
}

/**
 * @param {KeyboardEvent} event
 * @param {Element} target
 */
function isShortcut({ key, altKey, ctrlKey, metaKey }, target) {
  if (target.closest(IS_TYPED_INTO)) return false;
  const isUndo = key === "z"; // also with Ctrl
  if (altKey || ((ctrlKey || metaKey) && !isUndo)) return false;
  return key !== "Enter" || target.matches("li, input"); // on a link or a button it is the browser's
}

/**
 * @param {string} key
 * @param {KeyedList} list
 * @param {HTMLElement | null} item the one with the focus
 */
function findAim(key, list, item) {
  if (key === "j") return findNeighbour(list, item, 1);
  if (key === "k") return findNeighbour(list, item, -1);
  return findNamed(key, list, item);
}

/**
 * @param {KeyedList} list
 * @param {HTMLElement | null} item
 * @param {1 | -1} step
 */
function findNeighbour({ items }, item, step) {
  if (!item) return items.find((each) => each.getBoundingClientRect().top >= 0);
  return items[items.indexOf(item) + step]; // from an item of another list: to the first
}

/**
 * @param {string} key
 * @param {KeyedList} list
 * @param {HTMLElement | null} item
 * @returns {HTMLElement | undefined}
 */
function findNamed(key, list, item) {
  /** @type {HTMLElement[]} */
  const named = [...list.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(key)}"]`)].map(
    (each) => /** @type {HTMLElement} */ (each),
  );
  const isForSelection = (/** @type {HTMLElement} */ each) => each.closest(".notification-selection__actions");
  const forSelection = named.find(isForSelection);
  if (list.hasSelection && forSelection) return forSelection;
  return named.find((each) => {
    if (isForSelection(each)) return false;
    return !each.closest("li") || item?.contains(each);
  });
}
