/** <notification-bell>: how many are unread, in badge, name and title; a click opens the latest. */

import { find, isPlain, LiveElement } from "./element.js";
import { counted } from "./words.js";

let title; // the page's, without a count
let written;

class Bell extends LiveElement {
	begin() {
		const { store } = this;
		const [bell, panel] = [find(this, "bell"), find(this, "panel")];
		if (!document.getElementById("notification-level-info")) this.append(this.querySelector("template").content);
		this.on(store, "counters", () => this.#show(store.unread));
		this.#show(store.unread);
		if (!panel.togglePopover || document.querySelector("[data-part=list]")) return; // it stays a link
		const isOpen = () => panel.matches(":popover-open");
		let wasOpen = false; // when the pointer went down, which closes it
		bell.ariaExpanded = "false";
		this.on(bell, "pointerdown", () => {
			wasOpen = isOpen();
		});
		this.on(bell, "click", (event) => {
			if (!isPlain(event)) return;
			event.preventDefault();
			panel.togglePopover(!wasOpen && !isOpen());
			wasOpen = false;
		});
		this.on(panel, "toggle", () => {
			bell.ariaExpanded = `${isOpen()}`;
			if (isOpen()) this.#open(panel);
		});
		this.on(panel, "focusout", ({ relatedTarget }) => {
			if (relatedTarget && !this.contains(relatedTarget)) panel.hidePopover();
		});
		this.on(panel, "click", (event) => {
			const aim = event.target.closest(".notification-tabs__tab, .notification-panel__retry");
			if (!aim || !isPlain(event)) return;
			event.preventDefault();
			this.#load(panel, aim.href);
		});
	}

	#open(panel) {
		const list = panel.querySelector("notification-list");
		panel.focus();
		if (list) list.see();
		else this.#load(panel);
	}

	async #load(panel, url = this.dataset.panelUrl) {
		const [skeleton, failed, ...old] = panel.children;
		const address = new URL(url, location.href);
		address.searchParams.set("part", "panel");
		skeleton.hidden = old.length > 0;
		failed.hidden = true;
		try {
			const text = await (await fetch(address)).text();
			const page = new DOMParser().parseFromString(text, "text/html");
			const list = page.querySelector("notification-list");
			panel.append(...page.querySelectorAll("link"), list);
			if (old.length) find(list, "tabs [aria-current]").focus();
		} catch (error) {
			console.warn("notifications:", error);
			failed.hidden = false;
		}
		skeleton.hidden = true;
		for (const each of old) each.remove();
	}

	#show(unread) {
		const { labelNone, labelSome, many } = this.dataset;
		const badge = find(this, "bell__badge");
		const count = unread > 99 ? many : counted("{count}", unread);
		badge.textContent = count;
		badge.hidden = !unread;
		find(this, "bell").ariaLabel = unread ? counted(labelSome, unread) : labelNone;
		if (document.title !== written) title = document.title;
		written = unread ? `(${count}) ${title}` : title;
		document.title = written;
	}
}

customElements.define("notification-bell", Bell);
