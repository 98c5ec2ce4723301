/** What the elements have in common: they listen while they are in the page. */

import { live } from "./live.js";

export const find = (root, name) => root.querySelector(`.notification-${name}`);

/** On this site, or http(s). */
export const isFollowable = (url) => /^(\/(?![/\\])|https?:\/\/)/i.test(url);

/** No new tab is wanted. */
export const isPlain = ({ button, ctrlKey, metaKey, shiftKey }) => !(button || ctrlKey || metaKey || shiftKey);

export function post(url, fields = []) {
	const { name, value } = document.querySelector("[name=csrfmiddlewaretoken]");
	const body = new URLSearchParams([[name, value], ...fields]);
	const keepalive = `${body}`.length < 60_000; // sent also when the page is left; browsers refuse more
	return fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, keepalive });
}

export class LiveElement extends HTMLElement {
	#life;

	connectedCallback() {
		this.#life = new AbortController();
		Object.assign(this, live());
		this.begin();
	}

	disconnectedCallback() {
		this.#life.abort();
	}

	on(target, names, react) {
		for (const name of names.split(" ")) target.addEventListener(name, react, this.#life);
	}
}
