/** What elements share: they listen while they are in the page. */

import { join, leave } from "./live.js";

const ANSWER_MS = 30_000; // nobody waits longer

export const find = (root, name) => root.querySelector(`.notification-${name}`);

/** A site's template may leave it out. */
export const set = (root, name, properties) => Object.assign(find(root, name) ?? {}, properties);

export const isFollowable = (url) => /^(\/(?![/\\])|https?:\/\/)/i.test(url);

/** Show the link that brings a reader who was logged out back to this page. */
export function offerLogin(root, isNeeded) {
	const link = find(root, "login");
	if (!link) return;
	const url = new URL(link.href);
	url.searchParams.set("next", location.pathname + location.search);
	Object.assign(link, { hidden: !isNeeded, href: url });
}

/** Ask the server as the reader of an element; it refuses where somebody else is logged in by now. */
export function ask({ line }, url, init) {
	const headers = { Accept: "application/json", "X-Notifications-Reader": line.reader };
	return fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS), ...init });
}

export function post(element, url, fields = []) {
	const { name, value } = document.querySelector("[name=csrfmiddlewaretoken]");
	const body = new URLSearchParams([[name, value], ...fields]);
	const keepalive = `${body}`.length < 60_000; // outlives the page; browsers refuse more
	return ask(element, url, { method: "POST", body, keepalive }).catch(console.warn);
}

export class LiveElement extends HTMLElement {
	#life;

	connectedCallback() {
		this.#life = new AbortController();
		const { store, line } = join(this);
		Object.assign(this, { store, line });
		this.setAttribute("data-shown", ""); // so that a copy of it, which something kept, is known as one
		this.begin();
		this.on(store, "counters line", () => this.#show());
		this.#show();
	}

	disconnectedCallback() {
		this.#life.abort();
		this.end?.();
		leave(this);
	}

	/** A style hides what an element shows of its reader until it is known that they are still logged in. */
	#show() {
		this.toggleAttribute("data-unsure", !this.store.isSure);
		this.tell();
	}

	on(target, names, react, capture) {
		for (const name of names.split(" ")) target.addEventListener(name, react, { signal: this.#life.signal, capture });
	}
}
