/** Which notifications belong into a list, changed only by what is newer. Pure. */

const isUnread = ({ isRead, isArchived, isGone }) => !isRead && !isArchived && !isGone;

export class Rows {
	#page;
	#rows;
	#wishes = new Map(); // until the log tells of the row
	#readUpto = 0;

	constructor({ next = 0, ...page }, rows = []) {
		this.next = Number(next);
		this.#page = page;
		this.#rows = new Map(rows.map((row) => [row.id, row]));
	}

	get ids() {
		return [...this.#rows.keys()].filter((id) => this.#belongs(this.get(id))).sort((a, b) => b - a);
	}

	get(id) {
		const row = this.#rows.get(id);
		return row && { ...row, ...this.#wishes.get(id) };
	}

	unread(upTo = Infinity) {
		return [...this.#rows.keys()].filter((id) => isUnread(this.get(id)) && this.get(id).modseq <= upTo);
	}

	apply({ upsert, gone, modseq, read_upto: upTo = -1 }) {
		this.#readUpto = Math.max(this.#readUpto, upTo);
		for (const row of this.#rows.values())
			if (isUnread(row) && row.modseq <= upTo) this.#set({ ...row, modseq, isRead: true });
		for (const item of upsert) this.#take(item);
		for (const id of gone) this.#set({ id, modseq, isGone: true }); // a page on its way may have it
	}

	doubt() {
		this.#readUpto = 0;
		for (const row of this.#rows.values()) row.modseq = 0;
	}

	add(items, before, next, modseq) {
		for (const [id, row] of this.#rows) if (id < before && id >= next && row.modseq <= modseq) this.#rows.delete(id);
		for (const item of items) this.#take(item);
		this.next = next;
	}

	wish(ids, wish) {
		for (const id of ids) this.#wishes.set(id, wish && { ...this.#wishes.get(id), ...wish });
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
		const { tab, before, category, level, q = "" } = this.#page;
		if (isGone || id < this.next || (before && id >= before)) return false;
		if (isArchived !== (tab === "archived") || (isRead && tab === "unread")) return false;
		if (!item) return true; // the server has found that it matches
		if ((category && item.category !== category) || (level && item.level !== level)) return false;
		return `${item.title}\n${item.body}\n${item.actor}`.toLowerCase().includes(q.toLowerCase());
	}
}
