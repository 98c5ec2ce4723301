/** Which notifications belong into a list, changed only by what is newer. Pure. */

const isUnread = ({ isRead, isArchived, isGone }) => !isRead && !isArchived && !isGone;

export class Rows {
	#page;
	#rows;
	#wishes = []; // of each action: its ids of which the log has not told since, and what it makes of them
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
		return row && wished(row, this.#wishes);
	}

	unread(upTo = Infinity) {
		return [...this.#rows.keys()].filter((id) => isUnread(this.get(id)) && this.get(id).modseq <= upTo);
	}

	apply({ upsert, gone, modseq, read_upto: upTo = -1 }) {
		this.#readUpto = Math.max(this.#readUpto, upTo);
		for (const row of this.#rows.values()) if (isUnread(row) && row.modseq <= upTo) this.#read(row, modseq);
		for (const item of upsert) this.#take(item);
		for (const id of gone) this.#set({ id, modseq, isGone: true }); // a page on its way may have it
	}

	/** A row in doubt stays so: what is fetched says whether it was there to be read, however high this frame's number. */
	#read(row, modseq) {
		const isInDoubt = row.modseq === 0;
		this.#set({ ...row, modseq: isInDoubt ? 0 : modseq, isRead: true });
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
		const made = { ids: new Set(ids), wish };
		this.#wishes.push(made);
		return made;
	}

	takeBack(made) {
		this.#wishes = this.#wishes.filter((each) => each !== made);
	}

	difference(made) {
		const earlier = this.#wishes.slice(0, this.#wishes.indexOf(made));
		let unread = 0;
		for (const id of made.ids) {
			const row = this.#rows.get(id);
			if (row && isUnread(wished(row, earlier))) unread -= 1;
			if (row && isUnread(wished(row, [...earlier, made]))) unread += 1;
		}
		return unread;
	}

	#take(item) {
		const { id, modseq, read_at, archived_at } = item;
		if (this.#rows.get(id)?.modseq >= modseq) return;
		const isArchived = !!archived_at;
		this.#set({ id, modseq, isRead: !!read_at || (!isArchived && modseq <= this.#readUpto), isArchived, item });
	}

	#set(row) {
		this.#rows.set(row.id, row);
		for (const { ids } of this.#wishes) ids.delete(row.id);
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

function wished(row, wishes) {
	if (!wishes.length) return row; // of ten thousand rows nearly always none
	const result = { ...row };
	for (const { ids, wish } of wishes) if (ids.has(row.id)) Object.assign(result, wish);
	return result;
}
