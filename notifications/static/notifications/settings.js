// @ts-check
/** What the reader has switched on in this browser, and <notification-settings>, the switches in the centre. */

const ON = ["toasts", "shortcuts"]; // until switched off

/** Say whether something is on, whichever tab has switched it. */
export function isOn(/** @type {string} */ name) {
	return (localStorage[`notifications.${name}`] ?? (ON.includes(name) && "on")) === "on";
}

export class NotificationSettings extends HTMLElement {
	#life = new AbortController();

	connectedCallback() {
		this.#life = new AbortController();
		const { signal } = this.#life;
		this.addEventListener("change", (event) => this.#change(event), { signal });
		for (const name of ["storage", "focus"]) window.addEventListener(name, () => this.#show(), { signal });
		this.#show();
		this.hidden = false;
	}

	disconnectedCallback() {
		this.#life.abort();
	}

	async #change({ target: { name, checked } }) {
		if (name === "desktop" && checked) await Notification.requestPermission();
		localStorage[`notifications.${name}`] = checked ? "on" : "off";
		this.#show();
	}

	#show() {
		const may = globalThis.Notification?.permission ?? "missing"; // as over plain HTTP
		for (const box of this.querySelectorAll("input")) {
			const isBarred = box.name === "desktop" && may !== "granted";
			box.checked = isOn(box.name) && !isBarred;
			box.disabled = isBarred && may !== "default";
		}
		for (const why of this.querySelectorAll("p")) why.hidden = why.dataset.when !== may;
	}
}
