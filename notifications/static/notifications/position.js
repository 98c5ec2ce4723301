// @ts-check
/** A place in a user's log, `<epoch>.<modseq>`, such as "81985529216486.42". */

/** Read a position. What is none stands before everything, so it leads to a reset. */
export function parse(text = "") {
	const [, epoch = "0", modseq = "0"] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
	return { epoch, modseq: Number(modseq) };
}

/** Say whether a client at one position lacks what one at another has. */
export function isBehind(mine, theirs) {
	const [a, b] = [parse(mine), parse(theirs)];
	return a.epoch !== b.epoch || a.modseq < b.modseq;
}
