/** What a reader does to a list: shown at once, sent, corrected by the stream, put back where the server refuses. */

import { find, post } from "./element.js";
import { live } from "./live.js";
import { isBehind } from "./store.js";
import { counted } from "./words.js";

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
	#token;
	#latest; // undo is for it, whichever is answered last

	constructor(list) {
		this.list = list;
	}

	/** Act on items; on all up to a bound where that is how the form says it. */
	async act(action, ids, url = this.list.dataset.actUrl, fields = ids.map((id) => ["id", id])) {
		const { list } = this;
		const { rows } = list;
		const { store } = live();
		const isAll = url !== list.dataset.actUrl;
		const others = isAll ? 0 : store.unread - rows.unread().length; // those that this list does not know
		if (!ids.length && !isAll) return;
		rows.wish(ids, WISHES[action]);
		const takeBack = store.expect(Math.max(0, others + rows.unread().length));
		list.select(false);
		list.draw();
		const sent = this.#send(url, [["action", action], ...fields]);
		this.#latest = sent;
		const answer = await sent;
		if (answer) {
			const { undo, changed } = answer;
			if (undo && sent === this.#latest) this.#offer(undo.token, list.getAttribute(`data-did-${action}`), changed);
			return;
		}
		takeBack();
		rows.unwish(ids);
		list.draw();
	}

	undo() {
		const token = this.#token;
		if (!token) return;
		if (find(this.list, "undo:focus-within")) find(this.list, "list").focus();
		this.#offer("");
		this.#send(this.list.dataset.undoUrl, [["token", token]]);
	}

	/** Send a form; return what it was answered with, or nothing and tell the reader why. */
	async #send(url, fields) {
		const { store, share } = live();
		const { list } = this;
		let why = "failed";
		list.say("");
		try {
			const response = await post(url, fields);
			if (response.ok) {
				const answer = await response.json();
				store.report(answer);
				setTimeout(() => {
					if (!isBehind(store.position, answer.position)) return;
					list.refresh();
					share.check();
				}, STREAM_MS);
				return answer;
			}
			why = REFUSALS[response.status] ?? why;
		} catch (error) {
			console.warn("notifications:", error);
		}
		if (why === "gone") await list.refresh();
		list.say(why);
	}

	/** Offer to take something back. The clock is an animation, which a style stops while the reader points at it. */
	#offer(token, text = "", count = 1) {
		const bar = find(this.list, "undo");
		this.#token = token;
		bar.hidden = true;
		bar.firstElementChild.textContent = count > 1 ? counted(`${text}: {count}`, count) : text;
		void bar.offsetWidth; // so that its clock starts anew
		bar.hidden = !token;
		bar.onanimationend = () => this.#offer("");
	}
}
