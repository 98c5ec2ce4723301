// @ts-check
/** How long to wait before the next attempt, to connect or to be answered. */

/**
 * 1, 2, 4 … 30 s, times 0.5 to 1: clients must not come at once.
 *
 * @param {number} attempt 1 for the first
 * @param {number} [random] from 0 to 1
 * @param {{first?: number, longest?: number}} [seconds] other pauses than these
 */
export function backoffSeconds(attempt, random = Math.random(), { first = 1, longest = 30 } = {}) {
  const most = Math.min(first * 2 ** (attempt - 1), longest);
  return most * (0.5 + random / 2);
}
