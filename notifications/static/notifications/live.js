/** Whose notifications this document shows: one store and one line for a reader, while any element shows them. */

import { Line } from "./line.js";
import { isSameEpoch, Store } from "./store.js";

let current; // a site that swaps the body instead of loading a page may change its reader

/** Join what the document shows of an element's reader; return its store and line. */
export function join(element) {
	const { dataset } = sourceOf(element);
	if (!current) listen();
	if (!current || current.store.line === "over" || isOthers(dataset)) replace(dataset);
	else current.store.report(dataset);
	const { elements, store, line } = current;
	elements.add(element);
	if (element.hasAttribute("data-shown")) store.doubt(); // kept by what swaps bodies, for whoever comes back
	line.start();
	if (!store.isSure) line.verify();
	return current;
}

export function leave(element) {
	const mine = current;
	mine.elements.delete(element);
	setTimeout(() => mine.elements.size || mine.line.leave()); // a swap puts the next ones in at once
}

/** Of the same reader, what says where it stands: while a body is swapped, the former reader's may still be there. */
function sourceOf(element) {
	const { position, reader } = element.dataset;
	const sources = [...document.querySelectorAll("notification-bell, notification-list")];
	if (position) return element;
	return sources.find((each) => each.dataset.reader === reader) ?? sources[0];
}

/** A site's own template may not say whose it is; then the inbox's epoch does. */
function isOthers({ reader, position }) {
	const { line, store } = current;
	return reader && line.reader ? reader !== line.reader : !isSameEpoch(position, store.position);
}

function replace(dataset) {
	current?.line.stop();
	current?.store.setLine("over"); // whoever is left of the former reader shows nothing more
	const store = new Store(dataset);
	const line = new Line(dataset.streamUrl, store, dataset.reader);
	const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
	if (isBack && !document.querySelector("notification-list")) store.doubt(); // no browser stores a page with a list
	current = { store, line, elements: new Set() };
}

/** Follow the page as it hides, sleeps and returns. */
function listen() {
	const on = (events, react) => {
		for (const event of events.split(" ")) addEventListener(event, react, true); // the document's too
	};
	on("pagehide", () => {
		current.store.doubt(); // "back" may bring this very page to somebody else
		current.line.leave();
	});
	on("freeze", () => current.line.stop()); // must not lead; nor is a page that holds a lock kept for "back"
	on("pageshow resume", () => current.elements.size && current.line.start());
	on("visibilitychange", () => document.hidden || current.line.check());
	on("offline", () => current.store.setLine("offline"));
	on("online", () => current.line.check(true));
}
