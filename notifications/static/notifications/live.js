/** One store and one line for a page, following it as it hides, sleeps and returns. */

import { Share } from "./share.js";
import { isBehind, parse, Store } from "./store.js";

let page;

export function live() {
	page ??= start();
	return page;
}

function start() {
	// the earliest of the positions: what another element knows comes once more and changes nothing
	const data = [...document.querySelectorAll("notification-bell, notification-list")]
		.map(({ dataset }) => dataset)
		.reduce((a, b) => (isBehind(b.position, a.position) ? b : a));
	const store = new Store(data);
	// an epoch belongs to one inbox, so tabs of two users never share
	const share = new Share(`notifications:${data.streamUrl}:${parse(data.position).epoch}`, data.streamUrl, store);
	const session = new AbortController();
	const { signal } = session;
	const on = (event, react) => window.addEventListener(event, react, { signal, capture: true }); // the document's too
	store.addEventListener("over", () => session.abort());
	// a page that holds a lock is not kept for the "back" button, and a frozen one must not lead
	for (const event of ["pagehide", "freeze"]) on(event, () => share.stop());
	for (const event of ["pageshow", "resume"]) on(event, () => share.start());
	on("visibilitychange", () => document.hidden || share.check());
	on("offline", () => store.setLine("offline"));
	on("online", () => {
		store.setLine("connecting");
		share.check(true);
	});
	share.start();
	return { store, share };
}
