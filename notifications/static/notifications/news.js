/** What has come since the page was made and is still unread. Pure; toasts.js shows it. */

import { Rows } from "./rows.js";

const SLACK_MS = 2000; // a row is committed some time after its `created_at`

export class News extends Rows {
	#newest; // ids rise with the log

	/** `since`: when the server made the page, in ms; what is older and comes now was edited. */
	constructor(since, newest = 0) {
		super({ tab: "unread", since: since - SLACK_MS });
		this.#newest = newest;
	}

	/** Return those that are still unread, as they are now. */
	among(ids) {
		return this.ids.flatMap((id) => (ids.includes(id) ? this.get(id).item : [])).reverse();
	}

	/** Apply a change; return the ids of what it has brought. */
	take(change) {
		this.apply(change);
		const fresh = this.ids.filter((id) => id > this.#newest).reverse();
		this.#newest = Math.max(this.#newest, ...change.upsert.map(({ id }) => id));
		return fresh;
	}
}

/** Collect ids. `take` gets them `delay` ms after the first, but no sooner than `gap` ms after those before. */
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
