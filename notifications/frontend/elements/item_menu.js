// @ts-check
/** The menu of a row: all that can be done with an item, in words. One for a list, opened by each row's "…". */

import "../shared.js";

import { findPart } from "../dom/parts.js";

const GAP_PX = 4;

/** The "…" whose menu is open, by its menu. @type {WeakMap<HTMLElement, HTMLElement>} */
const openers = new WeakMap();

/**
 * Open the menu at a row's "…", or close it again.
 *
 * @param {HTMLElement} button
 */
export function toggleMenu(button) {
  const list = button.closest(".notification-centre");
  const item = /** @type {HTMLElement | null} */ (button.closest("li"));
  const menu = list && findPart(list, "menu");
  if (!menu || !item) return;
  if (!openers.has(menu)) follow(menu);
  const isOpenHere = menu.matches(":popover-open") && openers.get(menu) === button;
  if (isOpenHere) {
    menu.hidePopover();
    return;
  }
  menu.hidePopover(); // at another row
  openers.set(menu, button);
  fillMenu(menu, item);
  menu.showPopover();
  place(menu, button);
  button.ariaExpanded = "true";
  shownEntries(menu)[0]?.focus();
}

/**
 * Name what can be done with the item as it is now.
 *
 * @param {HTMLElement} menu
 * @param {HTMLElement} item
 */
function fillMenu(menu, item) {
  const link = /** @type {HTMLAnchorElement | null} */ (findPart(item, "item__link"));
  const open = /** @type {HTMLAnchorElement | null} */ (findPart(menu, "menu__open"));
  menu.ariaLabel = link?.textContent?.trim() ?? null;
  if (open) {
    open.hidden = !link?.hasAttribute("href");
    open.href = link?.href ?? "";
  }
  for (const button of menu.querySelectorAll("button")) button.hidden = isNeedless(button, item);
}

/**
 * Whether that is done already, or the row has no button for it.
 *
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} item
 */
function isNeedless({ value }, item) {
  if (!findRowButton(item, value)) return true;
  const [isRead, isArchived] = ["data-read", "data-archived"].map((name) => item.hasAttribute(name));
  return { read: isRead, unread: !isRead, archive: isArchived, unarchive: !isArchived }[value] ?? false;
}

/**
 * The row's own button, which does the opposite of what was done already.
 *
 * @param {HTMLElement} item
 * @param {string} value
 */
function findRowButton(item, value) {
  return /** @type {HTMLElement | null} */ (item.querySelector(`button[value="${value.replace(/^un/, "")}"]`));
}

/** @param {HTMLElement} menu */
function shownEntries(menu) {
  return [...menu.querySelectorAll("[role=menuitem]:not([hidden])")].map((entry) => /** @type {HTMLElement} */ (entry));
}

/**
 * Put the menu below its "…", or above it where there is no room below.
 *
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function place(menu, button) {
  const box = button.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = menu;
  const isLeftToRight = getComputedStyle(menu).direction === "ltr";
  const left = isLeftToRight ? box.right - offsetWidth : box.left;
  const below = box.bottom + GAP_PX;
  const hasRoom = below + offsetHeight <= innerHeight;
  const top = hasRoom ? below : box.top - GAP_PX - offsetHeight;
  menu.style.left = `${Math.max(GAP_PX, Math.min(left, innerWidth - offsetWidth - GAP_PX))}px`;
  menu.style.top = `${Math.max(GAP_PX, top)}px`;
}

/** @param {HTMLElement} menu */
function follow(menu) {
  menu.addEventListener("click", (event) => choose(menu, /** @type {Element} */ (event.target)));
  menu.addEventListener("keydown", (event) => press(menu, event));
  menu.addEventListener("toggle", () => {
    const isOpen = menu.matches(":popover-open");
    if (!isOpen) openers.get(menu)?.setAttribute("aria-expanded", "false");
  });
  // It stands where its row was.
  addEventListener("scroll", ({ target }) => menu.contains(/** @type {Node} */ (target)) || menu.hidePopover(), {
    capture: true,
    passive: true,
  });
  addEventListener("resize", () => menu.hidePopover());
}

/**
 * @param {HTMLElement} menu
 * @param {Element} target
 */
function choose(menu, target) {
  const entry = target.closest("[role=menuitem]");
  const item = openers.get(menu)?.closest("li");
  if (!entry || !item) return;
  const value = entry.getAttribute("value");
  close(menu);
  if (value) findRowButton(item, value)?.click();
  else findPart(item, "item__link")?.click();
}

/**
 * Close the menu and return to the row. A browser does so only where no other popover is open, such as the bell's panel.
 *
 * @param {HTMLElement} menu
 */
function close(menu) {
  menu.hidePopover();
  openers.get(menu)?.focus({ preventScroll: true });
}

/**
 * @param {HTMLElement} menu
 * @param {KeyboardEvent} event
 */
function press(menu, event) {
  const entries = shownEntries(menu);
  const place = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const steps = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: -1 };
  const next = steps[/** @type {keyof typeof steps} */ (event.key)];
  event.stopPropagation(); // no key of the list
  if (event.key === "Tab" || event.key === "Escape") close(menu);
  if (event.key === "Escape") event.preventDefault(); // it would close the panel, too
  if (next === undefined) return;
  event.preventDefault();
  entries.at(next % entries.length)?.focus();
}
