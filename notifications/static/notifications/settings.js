/** <notification-settings>: what is switched on in this browser. */

import { LiveElement } from "./element.js";

const DEFAULTS = { toasts: "on", shortcuts: "on" };

export const isOn = (name) => (localStorage[`notifications.${name}`] ?? DEFAULTS[name]) === "on";

class Settings extends LiveElement {
	begin() {
		this.on(this, "change", ({ target }) => this.#change(target));
		this.on(window, "storage focus", () => this.tell());
		this.hidden = false;
	}

	async #change({ name, checked }) {
		if (name === "desktop" && checked) await Notification.requestPermission();
		localStorage[`notifications.${name}`] = checked ? "on" : "off";
		this.tell();
	}

	tell() {
		const may = globalThis.Notification?.permission ?? "missing";
		for (const box of this.querySelectorAll("input")) {
			const isBarred = box.name === "desktop" && may !== "granted";
			box.checked = isOn(box.name) && !isBarred;
			box.disabled = isBarred && may !== "default";
		}
		for (const why of this.querySelectorAll("p")) why.hidden = why.dataset.when !== may;
	}
}

customElements.define("notification-settings", Settings);
