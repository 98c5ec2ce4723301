// @ts-check
/** What reaches who looks elsewhere: desktop notifications, sound, icons. */

import { isSwitchedOn } from "../state/settings.js";
import { isFollowable } from "./links.js";

/** @import { Arrivals } from "../state/arrivals.js" */
/** @import { Item } from "../state/store.js" */

/**
 * @typedef {Pick<Item, "id" | "modseq" | "title" | "body" | "url">} AlertItem
 * @typedef {(id: number) => void} OnOpen
 */

const LOOKED_AT = "notifications:looked-at"; // a lock that visible tabs hold

/** What stands on the desktop, by the id of its notification. @type {Map<number, Notification>} */
const onDesktop = new Map();

/** Gives up the lock that this tab holds, or waits for. @type {(() => void) | undefined} */
let releaseLookedAt;

/** Say to the other tabs whether this one is looked at. */
export function tellWhetherLookedAt() {
  releaseLookedAt?.();
  releaseLookedAt = undefined;
  const holdWhileLookedAt = () => {
    const isHeld = releaseLookedAt !== undefined; // a page may have two bells, and be shown again before the lock comes
    if (document.hidden || isHeld) return undefined;
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      releaseLookedAt = resolve;
    });
  };
  navigator.locks?.request(LOOKED_AT, { mode: "shared" }, holdWhileLookedAt);
}

/**
 * Whether this tab is the one to alert: the leading tab, while none is looked at.
 *
 * @param {{isLeading: boolean}} connection
 */
export async function isAlerting({ isLeading }) {
  const locks = await navigator.locks?.query();
  if (!isLeading || !locks?.held) return false;
  return locks.held.every(({ name }) => name !== LOOKED_AT);
}

/**
 * Show something on the desktop.
 *
 * @param {AlertItem} item
 * @param {OnOpen} onOpen
 */
export function showOnDesktop({ id, modseq, title, body, url }, onOpen) {
  if (!isSwitchedOn("desktop")) return;
  try {
    const shown = new Notification(title, { body, tag: `notification-${id}`, data: modseq });
    onDesktop.set(id, shown);
    shown.onclick = () => {
      window.focus();
      onOpen(id);
      if (isFollowable(url)) window.open(url, "_blank", "noopener"); // this tab may hold somebody's work
      shown.close();
    };
  } catch {} // Android leaves them to service workers
}

/**
 * Show anew on the desktop what was edited, and close what is no longer unread.
 *
 * @param {Arrivals} arrivals
 * @param {OnOpen} onOpen
 */
export function updateDesktop(arrivals, onOpen) {
  for (const [id, shown] of onDesktop) {
    const [item] = arrivals.unreadItems([id]);
    if (item) {
      if (item.modseq !== shown.data) showOnDesktop(item, onOpen);
      continue;
    }
    const standsForMany = id === 0;
    if (standsForMany) continue;
    onDesktop.delete(id);
    shown.close();
  }
}

/** @param {string} url */
export function playSound(url) {
  if (isSwitchedOn("sound")) new Audio(url).play().catch(() => {}); // refused before the first click
}

/**
 * Show on the page's icon whether something is unread, and on the app's icon how much.
 *
 * @param {number} unread
 */
export function markIcons(unread) {
  navigator.setAppBadge?.(unread).catch(() => {}); // where nothing is installed
  for (const link of document.querySelectorAll("link[data-unread]")) {
    const icon = /** @type {HTMLLinkElement} */ (link);
    icon.dataset.read ??= icon.href;
    icon.href = (unread ? icon.dataset.unread : icon.dataset.read) ?? icon.href;
  }
}
