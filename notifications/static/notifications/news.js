/** What has come since the page was made, still unread. Pure. */

import { Rows } from "./rows.js";

const isRunning = (item) => item?.data?.progress?.state === "running";

export class News extends Rows {
	/** `newest` is the highest id that is not new: a reader's ids rise with their log, however long a commit takes. */
	constructor(newest) {
		super({ tab: "unread" });
		this.newest = newest;
	}

	among(ids) {
		return this.ids.flatMap((id) => (ids.includes(id) ? this.get(id).item : [])).reverse();
	}

	/** A job is read while it runs, and new when it has ended. */
	take(change) {
		const isNew = ({ id }) => id > this.newest;
		const hasEnded = (item) => isRunning(this.get(item.id)?.item) && !isRunning(item);
		const fresh = change.upsert.filter((item) => isNew(item) || hasEnded(item)).map(({ id }) => id);
		this.apply(change);
		this.newest = Math.max(this.newest, ...change.upsert.map(({ id }) => id));
		return this.among(fresh).map(({ id }) => id);
	}
}

/** `take` gets ids `delay` ms after the first, `gap` ms after others. */
export function batch(delay, gap, take) {
	let next = 0;
	const ids = [];
	const flush = () => {
		next = Date.now() + gap;
		take(ids.splice(0));
	};
	return (more) => {
		if (more.length && !ids.length) setTimeout(flush, Math.max(delay, next - Date.now()));
		ids.push(...more);
	};
}
