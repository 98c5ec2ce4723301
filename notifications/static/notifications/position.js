// @ts-check
/** A place in a user's log, `<epoch>.<modseq>`, such as "81985529216486.42". */

/** @typedef {{epoch: string, modseq: number}} Position */

/**
 * Read a position. What is none stands before everything, so it leads to a reset.
 * @param {string | undefined} text
 * @returns {Position}
 */
export function parse(text) {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text ?? "");
  return match ? { epoch: match[1], modseq: Number(match[2]) } : { epoch: "0", modseq: 0 };
}

/**
 * Say whether a client at `mine` lacks something that one at `theirs` has. Of another epoch nothing is known.
 * @param {string | undefined} mine
 * @param {string | undefined} theirs
 */
export function isBehind(mine, theirs) {
  const [a, b] = [parse(mine), parse(theirs)];
  return a.epoch !== b.epoch || a.modseq < b.modseq;
}
