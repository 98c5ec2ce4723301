/** What has come since the page was made and is still unread. Pure. */

import { Rows } from "./rows.js";

const SLACK_MS = 2000; // a row is committed some time after its `created_at`

export class News extends Rows {
	#since;
	#newest; // ids rise with the log
	#jobs = new Map(); // id → whether it has ended: read while it runs, it is news then

	/** What is older than `since` and comes now was edited. */
	constructor(since, newest = 0) {
		super({ tab: "unread", since: since - SLACK_MS });
		this.#since = new Date(since).toISOString();
		this.#newest = newest;
	}

	among(ids) {
		return this.ids.flatMap((id) => (ids.includes(id) ? this.get(id).item : [])).reverse();
	}

	/** Return the ids of what a change has brought. */
	take(change) {
		const ended = [];
		const upsert = change.upsert.map((item) => {
			const { id, data } = item;
			const isOver = data?.progress?.state !== "running";
			if (isOver && this.#jobs.get(id) === false) ended.push(id);
			if (!isOver || this.#jobs.has(id)) this.#jobs.set(id, isOver);
			return this.#jobs.get(id) ? { ...item, created_at: this.#since } : item;
		});
		this.apply({ ...change, upsert });
		const fresh = this.ids.filter((id) => id > this.#newest || ended.includes(id)).reverse();
		this.#newest = Math.max(this.#newest, ...upsert.map(({ id }) => id));
		return fresh;
	}
}

/** `take` gets ids `delay` ms after the first, but no sooner than `gap` ms after those before. */
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
