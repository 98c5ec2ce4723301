// @ts-check
/**
 * Which notifications belong into a list: its tab, filters and page. Pure. A row is changed only by what is newer. A wish is
 * what an action will make of a row; it goes when the log tells of that row. The shapes: types.d.ts.
 */

export class Rows {
	#page;
	#rows = new Map(); // also those that have left the list: an undo brings them back
	#wishes = new Map();

	constructor(page) {
		this.#page = page;
		for (const row of page.rows ?? []) this.#rows.set(row.id, row);
	}

	/** What the list shows, newest first. */
	get ids() {
		return [...this.#rows.keys()].filter((id) => this.#belongs(this.get(id))).sort((a, b) => b - a);
	}

	/** Return a row as it is to be shown. */
	get(id) {
		const row = this.#rows.get(id);
		return row && { ...row, ...this.#wishes.get(id) };
	}

	/** The ids of unread ones that are not newer than `upTo`. */
	unread(upTo = Number.POSITIVE_INFINITY) {
		const rows = [...this.#rows.keys()].map((id) => this.get(id));
		return rows.filter((row) => isUnread(row) && !row.isGone && row.modseq <= upTo).map(({ id }) => id);
	}

	apply({ upsert, gone, modseq, read_upto: readUpto = 0 }) {
		for (const row of this.#rows.values()) {
			if (isUnread(row) && row.modseq <= readUpto) this.#set({ ...row, modseq, isRead: true });
		}
		for (const item of upsert) this.#take(item);
		for (const id of gone) this.#rows.delete(id);
		this.unwish(gone);
	}

	/** Take in a further page, and the id from which on this list is complete; 0 at the end. */
	add(items, next) {
		this.#page.next = next;
		for (const item of items) this.#take(item);
	}

	wish(ids, wish) {
		for (const id of ids) this.#wishes.set(id, { ...this.#wishes.get(id), ...wish });
	}

	/** The server has refused. */
	unwish(ids) {
		for (const id of ids) this.#wishes.delete(id);
	}

	#take(item) {
		const { id, modseq, read_at, archived_at } = item;
		if (this.#rows.get(id)?.modseq >= modseq) return;
		this.#set({ id, modseq, isRead: read_at !== null, isArchived: archived_at !== null, item });
	}

	#set(row) {
		this.#rows.set(row.id, row);
		this.unwish([row.id]);
	}

	#belongs({ id, isRead, isArchived, isGone, item }) {
		const { tab, before = 0, next = 0, category, level, q = "" } = this.#page;
		if (isGone || id < next || (before && id >= before)) return false;
		if (isArchived !== (tab === "archived") || (isRead && tab === "unread")) return false;
		if (!item) return true; // the server has found that it matches
		const text = [item.title, item.body, item.actor].join("\n").toLowerCase();
		if (category && item.category !== category) return false;
		return (!level || item.level === level) && text.includes(q.toLowerCase());
	}
}

const isUnread = ({ isRead, isArchived }) => !isRead && !isArchived;
