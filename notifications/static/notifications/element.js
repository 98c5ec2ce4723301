/** What elements share: they listen while they are in the page. */

import { live } from "./live.js";

let page; // store and line

export const find = (root, name) => root.querySelector(`.notification-${name}`);

/** A site's template may leave it out. */
export const set = (root, name, properties) => Object.assign(find(root, name) ?? {}, properties);

export const isFollowable = (url) => /^(\/(?![/\\])|https?:\/\/)/i.test(url);

export function post(url, fields = []) {
	const { name, value } = document.querySelector("[name=csrfmiddlewaretoken]");
	const body = new URLSearchParams([[name, value], ...fields]);
	const keepalive = `${body}`.length < 60_000; // outlives the page; browsers refuse more
	return fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, keepalive }).catch(console.warn);
}

export class LiveElement extends HTMLElement {
	#life;

	connectedCallback() {
		this.#life = new AbortController();
		page ??= live();
		Object.assign(this, page);
		this.begin();
		this.on(this.store, "counters line", () => this.tell());
		this.tell();
	}

	disconnectedCallback() {
		this.#life.abort();
	}

	on(target, names, react, capture) {
		for (const name of names.split(" ")) target.addEventListener(name, react, { signal: this.#life.signal, capture });
	}
}
