// @ts-check
/** What reaches who looks elsewhere: desktop notifications and sound. */

import { isSwitchedOn } from "../state/settings.js";
import { addressOf } from "./links.js";

/** @import { Arrivals } from "../state/arrivals.js" */
/** @import { Item } from "../state/store.js" */

/**
 * What is shown: an item, or many of them under one id.
 * @typedef {Pick<Item, "id" | "modseq" | "title" | "body" | "url"> & {ids?: number[]}} AlertItem
 * @typedef {{icon?: string, pattern?: string, onOpen: (id: number) => void}} AlertOptions `pattern`: as addressOf() takes it
 */

/** What people type into, without what is ours. */
const FIELDS = ":is(input, textarea, select):not(notification-settings *, .notification-centre *)";

/** What stands on the desktop, by the id of its notification. @type {Map<number, {shown: Notification, item: AlertItem}>} */
const onDesktop = new Map();

/**
 * Show something on the desktop. A click brings this tab to the front, and leads it there.
 *
 * @param {AlertItem} item
 * @param {AlertOptions} options
 */
export function showOnDesktop(item, { icon, pattern, onOpen }) {
  if (!isSwitchedOn("desktop")) return;
  const { id, title, body, ids } = item;
  try {
    const shown = new Notification(title, { body, icon, tag: `notification-${id}` });
    onDesktop.set(id, { shown, item });
    shown.onclick = () => {
      window.focus();
      if (!ids) onOpen(id);
      const address = addressOf(item, pattern);
      if (address) lead(new URL(address, location.href));
      shown.close();
    };
  } catch {} // Android leaves them to service workers
}

/**
 * Lead this tab to an address. Where it may hold somebody's work, or the address is of another site, a new tab goes there.
 *
 * @param {URL} url
 */
function lead(url) {
  if (url.href === location.href) return;
  if (url.origin === location.origin && !isEdited()) location.assign(url);
  else window.open(url, "_blank", "noopener");
}

/** Whether somebody has changed a form of this page, or could write into it. */
function isEdited() {
  if (document.querySelector("[contenteditable]:not([contenteditable=false])")) return true;
  const isChanged = (/** @type {HTMLInputElement} */ { checked, defaultChecked, value, defaultValue }) =>
    checked !== defaultChecked || value !== defaultValue;
  const isChosen = (/** @type {HTMLOptionElement} */ { selected, defaultSelected, index }) => {
    const isFirst = index === 0; // which the browser itself selects
    return selected && !defaultSelected && !isFirst;
  };
  return [...document.querySelectorAll(FIELDS)].some((field) =>
    field instanceof HTMLSelectElement
      ? [...field.options].some(isChosen)
      : isChanged(/** @type {HTMLInputElement} */ (field)),
  );
}

/**
 * Show anew on the desktop what was edited, and close what is no longer unread.
 *
 * @param {Arrivals} arrivals
 * @param {AlertOptions} options
 */
export function updateDesktop(arrivals, options) {
  for (const [id, { shown, item }] of onDesktop) {
    const unread = arrivals.unreadItems(item.ids ?? [id]);
    if (unread.length === 0) {
      onDesktop.delete(id);
      shown.close();
    } else if (!item.ids && unread[0].modseq !== item.modseq) {
      showOnDesktop(unread[0], options);
    }
  }
}

/** @param {string} url */
export function playSound(url) {
  if (isSwitchedOn("sound")) new Audio(url).play().catch(() => {}); // refused before the first click
}
