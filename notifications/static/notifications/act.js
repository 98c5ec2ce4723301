/** What a reader does to a list: shown at once, sent, corrected by the stream, put back where the server refuses. */

import { find, post } from "./element.js";
import { isBehind } from "./store.js";
import { counted } from "./words.js";

const STREAM_MS = 2000; // what takes longer is fetched
const REFUSALS = { 403: "refused", 404: "gone", 410: "late" };
const WISHES = {
	read: { isRead: true },
	unread: { isRead: false },
	archive: { isArchived: true },
	unarchive: { isArchived: false },
	delete: { isGone: true },
};

export class Actions {
	constructor(list) {
		this.list = list;
	}

	/** Without `fields` on these items; else the form says which they are: all up to a bound. */
	async act(action, ids, url = this.list.dataset.actUrl, fields = null) {
		const { list } = this;
		const { rows, store } = list;
		const { unread } = store;
		const others = fields ? 0 : unread - rows.unread().length;
		rows.wish(ids, WISHES[action]);
		const expected = Math.max(0, others + rows.unread().length);
		store.count({ unread: expected });
		list.select(false);
		list.draw();
		const sent = this.#send(url, [["action", action], ...(fields ?? ids.map((id) => ["id", id]))]);
		this.latest = sent; // undo is for it, whichever is answered last
		const answer = await sent;
		if (answer?.undo && sent === this.latest)
			this.#offer(answer.undo.token, list.getAttribute(`data-did-${action}`), answer.changed);
		if (answer) return;
		if (store.unread === expected) store.count({ unread }); // the server has not told since
		rows.unwish(ids);
		list.draw();
	}

	undo() {
		const { list, token } = this;
		if (!token) return;
		if (find(list, "undo:focus-within")) find(list, "list").focus();
		this.#offer("");
		this.#send(list.dataset.undoUrl, [["token", token]]);
	}

	/** Return the answer, or nothing and tell the reader why. */
	async #send(url, fields) {
		const { list } = this;
		const { store, share } = list;
		list.say("");
		const response = await post(url, fields).catch(console.warn);
		if (!response?.ok) {
			const why = REFUSALS[response?.status] ?? "failed";
			if (why === "gone") await list.refresh();
			list.say(why);
			return;
		}
		const answer = await response.json();
		store.report(answer);
		setTimeout(() => {
			if (!isBehind(store.position, answer.position)) return;
			list.refresh();
			share.check();
		}, STREAM_MS);
		return answer;
	}

	/** Offer to take something back, until an animation ends, which a style stops while the reader points at it. */
	#offer(token, text = "", count = 1) {
		const bar = find(this.list, "undo");
		this.token = token;
		bar.hidden = true;
		bar.firstElementChild.textContent = count > 1 ? counted(`${text}: {count}`, count) : text;
		void bar.offsetWidth; // so that it starts anew
		bar.hidden = !token;
		bar.onanimationend = () => this.#offer("");
	}
}
