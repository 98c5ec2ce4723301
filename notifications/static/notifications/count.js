// @ts-check
/** How a count is shown: "99+" beyond 99, and "(3) " before a page's title. */

/** @param {number} unread @param {string} many what stands for more than 99 */
export function shortCount(unread, many) {
  return unread > 99 ? many : String(unread);
}

/**
 * Put a count before a page's title, in place of the one that stands there.
 * @param {string} title
 * @param {string} count empty for none
 */
export function withCount(title, count) {
  const bare = title.replace(/^\(\d+\+?\) /, "");
  return count ? `(${count}) ${bare}` : bare;
}
