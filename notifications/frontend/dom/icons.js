// @ts-check
/** The icons of the page and of the app, which say that something is unread. */

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
