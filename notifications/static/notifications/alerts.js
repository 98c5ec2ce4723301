/** What reaches who looks elsewhere: desktop, sound, icons. */

import { isFollowable } from "./element.js";
import { isOn } from "./settings.js";

const LOOKED_AT = "notifications:looked-at"; // a lock that visible tabs hold
const desktop = new Map();
let leave = () => {};

export function tellWhetherLookedAt() {
	leave();
	const stay = () => !document.hidden && new Promise((resolve) => (leave = resolve));
	navigator.locks?.request(LOOKED_AT, { mode: "shared" }, stay);
}

/** The leading tab, while none is looked at. */
export async function isChosen({ isLeading }) {
	const locks = await navigator.locks?.query();
	return isLeading && !!locks?.held.every(({ name }) => name !== LOOKED_AT);
}

export function alert({ id, modseq, title, body, url }, onOpen) {
	if (!isOn("desktop")) return;
	try {
		const shown = new Notification(title, { body, tag: `notification-${id}`, data: modseq });
		desktop.set(id, shown);
		shown.onclick = () => {
			window.focus();
			onOpen(id);
			if (isFollowable(url)) window.open(url, "_blank", "noopener"); // this tab may hold somebody's work
			shown.close();
		};
	} catch {} // Android leaves them to service workers
}

export function follow(news, onOpen) {
	for (const [id, shown] of desktop) {
		const [now] = news.among([id]);
		if (now && now.modseq !== shown.data) alert(now, onOpen);
		if (!now && id && desktop.delete(id)) shown.close();
	}
}

export function chime(url) {
	if (isOn("sound")) new Audio(url).play().catch(() => {}); // refused before the first click
}

export function mark(unread) {
	navigator.setAppBadge?.(unread).catch(() => {}); // where nothing is installed
	for (const icon of document.querySelectorAll("link[data-unread]")) {
		icon.dataset.read ??= icon.href;
		icon.href = icon.dataset[unread ? "unread" : "read"];
	}
}
