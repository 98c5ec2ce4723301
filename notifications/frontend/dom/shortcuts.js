// @ts-check
/**
 * Keys of a list. A key presses what names it in `aria-keyshortcuts`; what moves the focus or the selection stands here. What
 * is selected goes before what has the focus.
 *
 * Keys that type a character may be switched off, by the site or by the reader (WCAG 2.1.4); arrows, Home, End and Escape not:
 * without them not every row could be reached.
 */

import { isSwitchedOn } from "../state/settings.js";
import { findPart } from "./parts.js";

/**
 * What hears the keys: a list, or one notification alone, which has no rows.
 * @typedef {HTMLElement & {isPage: boolean, hasSelection: boolean,
 *   moveTo?: (place: Place, options: {isExtending: boolean}) => void,
 *   moveWithin?: (row: HTMLElement, step: 1 | -1) => void, selectAll?: () => void, clearSelection: () => void,
 *   openInbox?: () => void, toggleHelp?: () => void}} KeyedList
 *
 * @typedef {"next" | "previous" | "first" | "last"} Place
 */

/** @type {Record<string, Place>} */
const LETTERS = { j: "next", k: "previous" };

/** Of these the browser's own meaning is kept outside of the rows. @type {Record<string, Place>} */
const ARROWS = { ArrowDown: "next", ArrowUp: "previous", Home: "first", End: "last" };

/** @type {Record<string, (list: KeyedList) => void>} */
const COMMANDS = {
  "* a": (list) => list.selectAll?.(),
  "g i": (list) => list.openInbox?.(),
  "?": (list) => list.toggleHelp?.(),
};

/** What moves within a row, and what toasts hear (elements/toasts.js). */
const OTHERS = ["ArrowRight", "ArrowLeft", "F6"];

/** What is of use only where there are boxes to select by. */
const SELECTING = ["* a", "Escape", "Shift+j", "Shift+k"];

const IS_TYPED_INTO = "input:not([type=checkbox]), textarea, select, [contenteditable], dialog, [role=menu]";
const PAUSE_MS = 1500; // between two keys that belong together

/** The first one of two keys, and when it was pressed. */
let first = { key: "", timeStamp: 0 };

/**
 * Name a key as the help does: `j`, `Shift+j`, `Shift+ArrowDown`, `#`. What needs Shift to be typed at all, on some keyboards
 * and not on others, is named without.
 *
 * @param {{key: string, shiftKey: boolean}} event
 */
export function nameKey({ key, shiftKey }) {
  const isLetter = /^\p{L}$/u.test(key);
  const isNamed = key.length > 1; // such as Home
  const base = isLetter ? key.toLowerCase() : key;
  return shiftKey && (isLetter || isNamed) ? `Shift+${base}` : base;
}

/**
 * @param {KeyboardEvent} event
 * @param {KeyedList} list
 */
export function pressShortcut(event, list) {
  const target = /** @type {Element} */ (event.target);
  if (!isShortcut(event, target)) return;
  if (!list.isPage && !list.contains(target)) return;
  const row = list.contains(target) ? findRow(target) : null;
  const name = nameKey(event);
  const isDone = moveByKey(name, list, row) || (isAllowed(name, list) && pressByKey(name, event.timeStamp, list, row));
  if (isDone) event.preventDefault();
}

/**
 * Leave in the help what there is something for.
 *
 * @param {KeyedList} list
 */
export function showKeys(list) {
  for (const line of list.querySelectorAll("[data-keys]")) {
    const names = line.getAttribute("data-keys")?.split("|") ?? [];
    line.toggleAttribute("hidden", !names.some((name) => hasKey(name, list)));
  }
}

/**
 * @param {string} name
 * @param {KeyedList} list
 */
function hasKey(name, list) {
  if (SELECTING.includes(name)) return findPart(list, "selection") !== null;
  if (name in LETTERS || name in ARROWS || name in COMMANDS || OTHERS.includes(name)) return true;
  const selector = `[aria-keyshortcuts~="${CSS.escape(name)}"]`;
  const isOfRows = list.querySelector("template")?.content.querySelector(selector);
  return Boolean(isOfRows ?? list.querySelector(selector));
}

/** @param {Element} target */
function findRow(target) {
  return /** @type {HTMLElement | null} */ (target.closest("li.notification-item"));
}

/**
 * @param {KeyboardEvent} event
 * @param {Element} target
 */
function isShortcut({ key, altKey, ctrlKey, metaKey, isComposing }, target) {
  if (isComposing || target.closest(IS_TYPED_INTO)) return false;
  const isUndo = key === "z"; // also with Ctrl
  if (altKey || ((ctrlKey || metaKey) && !isUndo)) return false;
  return key !== "Enter" || target.matches("li, input"); // on a link or a button it is the browser's
}

/**
 * @param {string} name
 * @param {KeyedList} list
 */
function isAllowed(name, list) {
  const isCharacter = [...name.replace("Shift+", "")].length === 1;
  return !isCharacter || (isSwitchedOn("shortcuts") && list.dataset.shortcuts !== "off");
}

/**
 * @param {string} name
 * @param {KeyedList} list
 * @param {HTMLElement | null} row the one with the focus
 * @returns {boolean} whether it moved anything
 */
function moveByKey(name, list, row) {
  const isExtending = name.startsWith("Shift+");
  const key = name.replace("Shift+", "");
  const place = (row && ARROWS[key]) || (isAllowed(key, list) && LETTERS[key]);
  if (place && list.moveTo) {
    list.moveTo(place, { isExtending });
    return true;
  }
  if (name === "Escape" && list.hasSelection && !hasOpened(list)) {
    list.clearSelection();
    return true;
  }
  if (!row || (name !== "ArrowLeft" && name !== "ArrowRight")) return false;
  const isForward = (name === "ArrowRight") === (getComputedStyle(list).direction === "ltr");
  list.moveWithin?.(row, isForward ? 1 : -1);
  return true;
}

/**
 * Whether Escape is to close something, such as the help, before it does anything else.
 *
 * @param {HTMLElement} list
 */
function hasOpened(list) {
  const hasPopovers = "popover" in list; // an older browser does not know the selector
  return hasPopovers && list.querySelector(":popover-open") !== null;
}

/**
 * @param {string} name
 * @param {number} timeStamp
 * @param {KeyedList} list
 * @param {HTMLElement | null} row
 * @returns {boolean} whether anything was pressed
 */
function pressByKey(name, timeStamp, list, row) {
  const isSecond = first.key !== "" && timeStamp - first.timeStamp < PAUSE_MS;
  const command = (isSecond && COMMANDS[`${first.key} ${name}`]) || COMMANDS[name];
  first = { key: name, timeStamp };
  if (command) {
    command(list);
    return true;
  }
  const aim = findNamed(name, list, row);
  if (!aim) return false;
  if (aim.matches("[type=search]")) aim.focus();
  else aim.click();
  return true;
}

/**
 * @param {string} key
 * @param {KeyedList} list
 * @param {HTMLElement | null} item the one with the focus
 * @returns {HTMLElement | undefined}
 */
function findNamed(key, list, item) {
  const selector = `[aria-keyshortcuts~="${CSS.escape(key)}"]`;
  const bar = list.hasSelection ? findPart(list, "selection__actions") : null;
  const found = bar?.querySelector(selector) ?? item?.querySelector(selector) ?? findOutside(selector, list);
  return /** @type {HTMLElement | undefined} */ (found);
}

/**
 * @param {string} selector
 * @param {KeyedList} list
 */
function findOutside(selector, list) {
  const isForOthers = (/** @type {Element} */ each) => each.closest("li, .notification-selection__actions") !== null;
  return [...list.querySelectorAll(selector)].find((each) => !isForOthers(each));
}
