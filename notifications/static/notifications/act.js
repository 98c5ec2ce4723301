/** What a reader does: shown at once, put back where the server refuses. */

import { find, post } from "./element.js";
import { isBehind } from "./store.js";
import { counted } from "./words.js";

const STREAM_MS = 2000; // what takes longer is fetched
const WISHES = {
	read: { isRead: true },
	unread: { isRead: false },
	archive: { isArchived: true },
	unarchive: { isArchived: false },
	delete: { isGone: true },
};
let latest; // which undo is for

export async function act(list, action, ids, bound) {
	const { rows, store, dataset } = list;
	const { unread } = store;
	const others = bound ? 0 : unread - rows.unread().length;
	rows.wish(ids, WISHES[action]);
	const expected = Math.max(0, others + rows.unread().length);
	store.count({ unread: expected });
	list.select(false);
	list.draw();
	const fields = bound ? [["up_to", bound]] : ids.map((id) => ["id", id]);
	const sent = send(list, bound ? dataset.readAllUrl : dataset.actUrl, [["action", action], ...fields]);
	latest = sent;
	const answer = await sent;
	if (answer?.undo && sent === latest) offerUndo(list, list.getAttribute(`data-did-${action}`), answer);
	if (answer) return;
	if (store.unread === expected) store.count({ unread }); // the server has not told since
	rows.wish(ids);
	list.draw();
}

/** Until an animation ends, which a style may hold. */
function offerUndo(list, did, { changed, undo: { token } }) {
	const bar = find(list, "undo");
	const [text, button] = bar.children;
	const hide = () => (bar.hidden = true);
	hide();
	text.textContent = changed > 1 ? counted(`${did}: {count}`, changed) : did;
	void bar.offsetWidth; // to start anew
	bar.hidden = false;
	bar.onanimationend = hide;
	button.onclick = () => {
		if (bar.hidden) return;
		if (bar.matches(":focus-within")) find(list, "list").focus();
		hide();
		send(list, list.dataset.undoUrl, [["token", token]]);
	};
}

async function send(list, url, fields) {
	list.say("");
	const response = await post(url, fields);
	if (!response?.ok) {
		const why = response?.status ?? "failed";
		if (why === 404) await list.refresh();
		return list.say(why);
	}
	const answer = await response.json();
	list.store.report(answer);
	setTimeout(() => isBehind(list.store.position, answer.position) && list.refresh(), STREAM_MS);
	return answer;
}
