/** Which notifications belong into a list. Pure. A row is changed only by what is newer (shapes: types.d.ts). */

const isUnread = ({ isRead, isArchived, isGone }) => !isRead && !isArchived && !isGone;

export class Rows {
	#page;
	#rows = new Map();
	#wishes = new Map(); // what an action will make of a row, until the log tells of it
	#readUpto = 0;

	constructor(page, rows = []) {
		this.#page = { ...page };
		for (const row of rows) this.#rows.set(row.id, row);
	}

	get ids() {
		return [...this.#rows.keys()].filter((id) => this.#belongs(this.get(id))).sort((a, b) => b - a);
	}

	/** From this id on the list is complete. */
	get next() {
		return Number(this.#page.next ?? 0);
	}

	get(id) {
		const row = this.#rows.get(id);
		return row && { ...row, ...this.#wishes.get(id) };
	}

	unread(upTo = Infinity) {
		return [...this.#rows].flatMap(([id, { modseq }]) => (isUnread(this.get(id)) && modseq <= upTo ? id : []));
	}

	apply({ upsert, gone, modseq, read_upto: upTo = -1 }) {
		this.#readUpto = Math.max(this.#readUpto, upTo);
		for (const row of this.#rows.values())
			if (isUnread(row) && row.modseq <= upTo) this.#set({ ...row, modseq, isRead: true });
		for (const item of upsert) this.#take(item);
		for (const id of gone) this.#set({ id, modseq, isGone: true }); // a page on its way may have it
	}

	/** After a reset anything may have happened. */
	doubt() {
		this.#readUpto = 0;
		for (const row of this.#rows.values()) row.modseq = 0;
	}

	/** Take in what was from `next` to below `before` at `modseq`: what is missing there has left. */
	add(items, before, next, modseq) {
		const has = (id) => items.some((item) => item.id === id);
		for (const [id, row] of this.#rows)
			if (id < before && id >= next && row.modseq <= modseq && !has(id)) this.#rows.delete(id);
		for (const item of items) this.#take(item);
		this.#page.next = next;
	}

	wish(ids, wish) {
		for (const id of ids) this.#wishes.set(id, { ...this.#wishes.get(id), ...wish });
	}

	unwish(ids) {
		for (const id of ids) this.#wishes.delete(id);
	}

	#take(item) {
		const { id, modseq, read_at, archived_at } = item;
		if (this.#rows.get(id)?.modseq >= modseq) return;
		const isArchived = !!archived_at;
		this.#set({ id, modseq, isRead: !!read_at || (!isArchived && modseq <= this.#readUpto), isArchived, item });
	}

	#set(row) {
		this.#rows.set(row.id, row);
		this.#wishes.delete(row.id);
	}

	#belongs({ id, isRead, isArchived, isGone, item }) {
		const { tab, before, category, level, q = "", since } = this.#page;
		if (isGone || id < this.next || (before && id >= before)) return false;
		if (isArchived !== (tab === "archived") || (isRead && tab === "unread")) return false;
		if (!item) return true; // the server has found that it matches
		if ((category && item.category !== category) || (level && item.level !== level)) return false;
		const text = `${item.title}\n${item.body}\n${item.actor}`.toLowerCase();
		return text.includes(q.toLowerCase()) && !(Date.parse(item.created_at) < since);
	}
}
