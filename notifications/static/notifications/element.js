/** What the elements have in common. */

export const find = (root, name) => root.querySelector(`.notification-${name}`);

/** Say whether an address may stand in a link: on this site, or http(s). */
export const isFollowable = (url) => /^(\/(?![/\\])|https?:\/\/)/i.test(url);

/** Say whether a click is for this page, and not for a new tab. */
export const isPlain = ({ button, ctrlKey, metaKey, shiftKey }) => !(button || ctrlKey || metaKey || shiftKey);

export function post(url, fields = []) {
	const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
	const body = new URLSearchParams([["csrfmiddlewaretoken", token], ...fields]);
	const keepalive = `${body}`.length < 60_000; // sent also when the page is left; browsers refuse more
	return fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, keepalive });
}

/** Listens while it is in the page. */
export class NotificationElement extends HTMLElement {
	#life;

	connectedCallback() {
		this.#life = new AbortController();
		this.begin();
	}

	disconnectedCallback() {
		this.#life.abort();
	}

	on(target, names, react) {
		for (const name of names.split(" ")) target.addEventListener(name, react, this.#life);
	}
}
