// @ts-check
/** What has come since the page was made, and how much at once. Pure; toasts.js shows it. */

const SLACK_MS = 2000; // a row is committed some time after its `created_at`

/** The new notifications that are still unread. */
export class News {
	#newest = 0;
	/** @type {Map<number, import("./types.d.ts").Item>} */
	#items = new Map();
	#jobs = new Set(); // ids of those under way: read while they run, and news when they end

	/** @param {number} since when the server made the page, in ms: what is older and comes now was edited */
	constructor(since) {
		this.since = since - SLACK_MS;
	}

	/** Return those that are still unread, as they are now. */
	among(/** @type {number[]} */ ids) {
		return ids.flatMap((id) => this.#items.get(id) ?? []);
	}

	/** Return the ids of what a change has brought. */
	apply(/** @type {import("./types.d.ts").Change} */ { upsert, gone, read_upto: upTo = 0 }) {
		const [before, fresh] = [this.#newest, []]; // ids rise with the log
		for (const { id, modseq } of this.#items.values()) if (modseq <= upTo) this.#items.delete(id);
		for (const id of gone) this.#items.delete(id);
		for (const item of upsert) {
			const { id } = item;
			const hasEnded = this.#jobs.delete(id) && item.data?.progress?.state !== "running";
			const isNew = hasEnded || (id > before && Date.parse(item.created_at) >= this.since);
			if (item.data?.progress?.state === "running") this.#jobs.add(id);
			if (item.read_at || item.archived_at) this.#items.delete(id);
			else if (isNew || this.#items.has(id)) this.#items.set(id, item);
			if (isNew && this.#items.has(id)) fresh.push(id);
			this.#newest = Math.max(this.#newest, id);
		}
		return fresh;
	}

	/** Forget it all: a snapshot is for the list to show. */
	reset(/** @type {import("./types.d.ts").Item[]} */ items) {
		this.#items.clear();
		this.#newest = Math.max(0, ...items.map(({ id }) => id));
		return [];
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
	return (/** @type {number[]} */ more) => {
		if (more.length && !ids.length) setTimeout(flush, Math.max(delay, next - Date.now()));
		ids.push(...more);
	};
}
