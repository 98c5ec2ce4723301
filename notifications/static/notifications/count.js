// @ts-check
/** How a count is shown: "99+" beyond 99, and "(3) " before a page's title. */

export const shortCount = (unread, many, language) => (unread > 99 ? many : unread.toLocaleString(language));

/** Put a count into a phrase, as a language writes numbers: "{count} new" becomes "1,204 new". */
export const counted = (phrase, count, language) => phrase.replace("{count}", count.toLocaleString(language));

/** Put a count before a title, in place of the one put there before. (A title may begin with a number of its own.) */
export function withCount(title, count, before) {
	const bare = before && title.startsWith(`(${before}) `) ? title.slice(before.length + 3) : title;
	return count ? `(${count}) ${bare}` : bare;
}
