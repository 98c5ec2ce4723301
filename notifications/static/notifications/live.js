/** What all elements of a page share: one store and one line, following the page as it hides, sleeps and returns. */

import { Share } from "./share.js";
import { isBehind, parse, Store } from "./store.js";

let page;

/** Return the page's store and line, started at the first call. */
export function live() {
	page ??= start();
	return page;
}

function start() {
	// The earliest of the positions: what another element knows already comes once more and changes nothing.
	const data = [...document.querySelectorAll("notification-bell, notification-list")]
		.map(({ dataset }) => dataset)
		.reduce((a, b) => (isBehind(b.position, a.position) ? b : a));
	const store = new Store(data);
	// An epoch belongs to one inbox, so tabs of two users never share.
	const share = new Share(`notifications:${data.streamUrl}:${parse(data.position).epoch}`, data.streamUrl, store);
	const session = new AbortController();
	const { signal } = session;
	const on = (event, react) => window.addEventListener(event, react, { signal, capture: true }); // the document's too
	store.addEventListener("over", () => session.abort());
	// A page that holds a lock or a connection is not kept for the "back" button, and a frozen one must not lead.
	on("pagehide", () => share.stop());
	on("pageshow", () => share.start());
	on("freeze", () => share.stop());
	on("resume", () => share.start());
	on("visibilitychange", () => document.hidden || share.check());
	on("offline", () => store.setLine("offline"));
	on("online", () => {
		store.setLine("connecting");
		share.check(true);
	});
	share.start();
	return { store, share };
}
