// @ts-check
/** How long to wait before the next attempt to connect. */

const LONGEST_SECONDS = 30;

/**
 * 1, 2, 4 … 30 s, times 0.5 to 1: clients must not come at once.
 *
 * @param {number} attempt 1 for the first
 * @param {number} [random] from 0 to 1
 */
export function backoffSeconds(attempt, random = Math.random()) {
  const longest = Math.min(2 ** (attempt - 1), LONGEST_SECONDS);
  return longest * (0.5 + random / 2);
}
