// @ts-check
/** What all elements of a page share: one store and one line, following the page as it hides, sleeps and returns. */

import { isBehind, parse } from "./position.js";
import { Share } from "./share.js";
import { Store } from "./store.js";

let page;

/** Return the page's store and line, started at the first call. */
export function live() {
	page ??= start();
	return page;
}

function start() {
	// The earliest of the positions: what another element knows already comes once more and changes nothing.
	const { position, unread, unseen, streamUrl } = [...document.querySelectorAll("notification-bell, notification-list")]
		.map(({ dataset }) => dataset)
		.reduce((a, b) => (isBehind(b.position, a.position) ? b : a));
	const store = new Store({ position, unread: Number(unread), unseen: Number(unseen) });
	// An epoch belongs to one inbox, so tabs of two users never share.
	const share = new Share(`notifications:${streamUrl}:${parse(position).epoch}`, streamUrl, store);
	follow(store, share);
	share.start();
	return { store, share };
}

function follow(store, share) {
	const session = new AbortController();
	const on = (target, event, react) => target.addEventListener(event, react, { signal: session.signal });
	on(store, "over", () => session.abort());
	// A page that holds a lock or a connection is not kept for the "back" button, and a frozen one must not lead.
	on(window, "pagehide", () => share.stop());
	on(window, "pageshow", () => share.start());
	on(document, "freeze", () => share.stop());
	on(document, "resume", () => share.start());
	on(document, "visibilitychange", () => document.hidden || share.check());
	on(window, "offline", () => store.setLine("offline"));
	on(window, "online", () => {
		store.setLine("connecting");
		share.check({ isNetworkNew: true });
	});
}
