/** A page's store and line, following it as it hides, sleeps and returns. */

import { Line } from "./line.js";
import { Store } from "./store.js";

export function live() {
	const { dataset } = document.querySelector("notification-bell, notification-list");
	const store = new Store(dataset);
	const line = new Line(dataset.streamUrl, store);
	const on = (events, react) => {
		for (const event of events.split(" ")) addEventListener(event, react, true); // the document's too
	};
	// a page that holds a lock is not kept for "back", and a frozen one must not lead
	on("pagehide freeze", () => line.stop());
	on("pageshow resume", () => line.start());
	on("visibilitychange", () => document.hidden || line.check());
	on("offline", () => store.setLine("offline"));
	on("online", () => line.check(true));
	line.start();
	return { store, line };
}
