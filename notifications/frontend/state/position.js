// @ts-check
/** Positions in a reader's log: `<epoch>.<modseq>`, such as `81985529216486.42` (docs/protocol.md, "Position"). */

/** An epoch is a name and no number: it may be longer than a number is exact, and epochs have no order. */
const POSITION = /^(\d{1,15})\.(\d{1,15})$/;

/**
 * Read a position; anything else stands before everything, at `0.0`.
 *
 * @param {string | undefined} text
 * @returns {{epoch: string, modseq: number}}
 */
export function parsePosition(text) {
  const match = POSITION.exec(text ?? "");
  if (!match) return { epoch: "0", modseq: 0 };
  return { epoch: match[1], modseq: Number(match[2]) };
}

/**
 * Of two positions in different epochs neither is behind the other.
 *
 * @param {string | undefined} mine
 * @param {string | undefined} theirs
 */
export function isSameEpoch(mine, theirs) {
  return parsePosition(mine).epoch === parsePosition(theirs).epoch;
}

/**
 * @param {string | undefined} mine
 * @param {string | undefined} theirs
 */
export function isBehind(mine, theirs) {
  return isSameEpoch(mine, theirs) && parsePosition(mine).modseq < parsePosition(theirs).modseq;
}
