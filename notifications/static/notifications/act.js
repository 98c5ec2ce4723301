/** What a reader does: shown at once, put back where the server refuses. */

import { find, post } from "./element.js";
import { isBehind, isSameEpoch } from "./store.js";
import { counted } from "./words.js";

const STREAM_MS = 2000; // what takes longer is fetched
const MOST = 500; // ids in one request (forms.py)
const WISHES = {
	read: { isRead: true },
	unread: { isRead: false },
	archive: { isArchived: true },
	unarchive: { isArchived: false },
	delete: { isGone: true },
};
let latest; // which undo is for

/** `all` is for what the page knows in part: the address and the fields that name it, and whether it is the whole inbox. */
export async function act(list, action, ids, all) {
	const requests = all ? [{ ...all, ids }] : inChunks(ids, list.dataset.actUrl);
	const steps = requests.map((request) => begin(list, action, request));
	list.select([]);
	list.draw();
	const doing = carryOut(list, action, steps);
	latest = doing;
	const undoable = (await doing).filter(({ undo }) => undo);
	if (undoable.length && doing === latest) offerUndo(list, list.getAttribute(`data-did-${action}`), undoable);
}

function inChunks(ids, url) {
	const requests = [];
	for (let start = 0; start < ids.length; start += MOST) {
		const chunk = ids.slice(start, start + MOST);
		requests.push({ url, ids: chunk, fields: chunk.map((id) => ["id", id]) });
	}
	return requests;
}

/** Show what a request will make of its rows and of the count, which are the server's again once it has answered. */
function begin({ rows, store }, action, { ids, isWhole, ...request }) {
	const wish = rows.wish(ids, WISHES[action]);
	const settle = store.expect((unread) =>
		isWhole ? Math.min(unread, rows.unread().length) : unread + rows.difference(wish),
	);
	return { ...request, wish, settle };
}

/** One after the other, up to the first that fails; return the answers. */
async function carryOut(list, action, steps) {
	const answers = [];
	for (const [index, { url, fields, settle }] of steps.entries()) {
		const answer = await send(list, url, [["action", action], ...fields], settle);
		if (!answer) {
			for (const each of steps.slice(index)) takeBack(list, each);
			break;
		}
		answers.push(answer);
	}
	return answers;
}

function takeBack(list, { wish, settle }) {
	settle();
	list.rows.takeBack(wish);
	list.draw();
}

/** Until an animation ends, which a style may hold. */
function offerUndo(list, did, answers) {
	const changed = answers.reduce((sum, answer) => sum + answer.changed, 0);
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
		for (const { undo } of answers) send(list, list.dataset.undoUrl, [["token", undo.token]]);
	};
}

async function send(list, url, fields, settle = () => {}) {
	const { store } = list;
	list.say("");
	const response = await post(list, url, fields);
	const answer = response?.ok && (await response.json().catch(console.warn)); // a proxy's page is no answer
	settle();
	if (!answer) {
		await refuse(list, response);
		return;
	}
	store.report(answer);
	setTimeout(() => {
		if (isBehind(store.position, answer.position)) list.refresh();
		if (!isSameEpoch(store.position, answer.position)) list.line.check(true); // its stream is to be reset
	}, STREAM_MS);
	return answer;
}

async function refuse(list, response) {
	const status = response?.status;
	if (await isLoggedOut(response)) return list.store.setLine("over");
	if (status === 404 || status === 409) await list.refresh(); // another device was quicker, or history was replaced
	list.say(status ?? "failed");
}

/** A 403 may also be for a form that is out of date. */
export async function isLoggedOut(response) {
	if (response?.status === 401) return true;
	if (response?.status !== 403) return false;
	const answer = await response.json().catch(() => ({}));
	return ["not_logged_in", "reader"].includes(answer.error?.code);
}
