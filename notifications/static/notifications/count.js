// @ts-check
/** How a count is shown: "99+" beyond 99, and "(3) " before a page's title. */

/** @param {number} unread @param {string} many what stands for more than 99 */
export function shortCount(unread, many) {
  return unread > 99 ? many : String(unread);
}

/**
 * Put a count before a page's title, in place of the one that was put there before.
 * @param {string} title
 * @param {string} count empty for none
 * @param {string} before the count that stands there now, empty for none: a title may begin with a number of its own
 */
export function withCount(title, count, before) {
  const bare = before && title.startsWith(`(${before}) `) ? title.slice(before.length + 3) : title;
  return count ? `(${count}) ${bare}` : bare;
}
