// @ts-check
/** What a reader does to a list: shown at once, sent, corrected by the stream, put back where the server refuses. */

import { counted } from "./count.js";
import { find, rowOf } from "./item.js";
import { live } from "./live.js";
import { isBehind } from "./position.js";
import { languageOf } from "./time.js";

const STREAM_MS = 2000; // the stream brings a change in milliseconds; after this the list is fetched
const REFUSALS = { 403: "refused", 404: "gone", 410: "late" };
const WISHES = {
	read: { isRead: true },
	unread: { isRead: false },
	archive: { isArchived: true },
	unarchive: { isArchived: false },
	delete: { isGone: true },
};

export class Actions {
	#token = "";
	#count = 0; // of actions: undo is for the latest, whichever is answered last

	constructor(list) {
		this.list = list;
	}

	get selected() {
		return this.list.items.filter((item) => item.querySelector(":checked")).map((item) => rowOf(item).id);
	}

	selectAll(isSelected) {
		for (const item of this.list.items) for (const box of item.querySelectorAll("input")) box.checked = isSelected;
	}

	showSelection() {
		const [box, label] = find(this.list, "selection__all")?.children ?? [];
		if (!box) return;
		const { length } = this.selected;
		box.checked = length > 0;
		box.indeterminate = length > 0 && length < this.list.items.length;
		label.textContent = length ? counted(label.dataset.some, length, languageOf(label)) : label.dataset.none;
	}

	act(action, ids) {
		const fields = [["action", action], ...ids.map((id) => ["id", String(id)])];
		if (ids.length) this.#do(action, ids, this.list.dataset.actUrl, fields);
	}

	/** Mark as read what the reader has seen. */
	readAll({ action, up_to: { value } }) {
		this.#do("read", this.list.rows.unread(value), action, [["up_to", value]], true);
	}

	async undo() {
		const token = this.#token;
		if (!token) return;
		const hasFocus = find(this.list, "undo:focus-within");
		this.#offer("");
		if (hasFocus) find(this.list, "list").focus();
		await this.#send(this.list.dataset.undoUrl, [["token", token]]);
	}

	async #do(action, ids, url, fields, isAll = false) {
		const { list } = this;
		const { store } = live();
		const known = isAll ? store.unread : list.rows.unread().length;
		list.rows.wish(ids, WISHES[action]);
		const takeBack = store.expect(list.rows.unread().length - known);
		this.selectAll(false);
		list.draw();
		const count = ++this.#count;
		const answer = await this.#send(url, fields);
		if (answer?.undo && count === this.#count)
			this.#offer(answer.undo.token, list.getAttribute(`data-did-${action}`), answer.changed);
		if (answer) return;
		takeBack();
		list.rows.unwish(ids);
		list.draw();
	}

	/** Send a form; return what it was answered with, or nothing and tell the reader why. */
	async #send(url, fields) {
		const { store, share } = live();
		const { list } = this;
		let why = "failed";
		list.say("");
		try {
			const response = await list.post(url, fields);
			if (response.ok) {
				const answer = await response.json();
				store.report(answer);
				setTimeout(() => {
					if (!isBehind(store.position, answer.position)) return;
					list.load();
					share.check();
				}, STREAM_MS);
				return answer;
			}
			why = REFUSALS[response.status] ?? why;
		} catch (error) {
			console.warn("notifications:", error);
		}
		if (why === "gone") await list.load();
		list.say(why);
	}

	/** Offer to take something back. The clock is an animation, which a style stops while the reader points at it. */
	#offer(token, text = "", count = 1) {
		const bar = find(this.list, "undo");
		this.#token = token;
		bar.hidden = true;
		bar.firstElementChild.textContent = count > 1 ? counted(`${text}: {count}`, count, languageOf(bar)) : text;
		void bar.offsetWidth; // so that its clock starts anew
		bar.hidden = !token;
		bar.onanimationend = () => this.#offer("");
	}
}
