/** <notification-bell>: the count of what is unread, in badge, name and title; a click opens the latest. */

import { find, isPlain, NotificationElement } from "./element.js";
import { live } from "./live.js";
import { counted } from "./words.js";

let bare; // the page's title without a count, and as it was last written
let written;

export class NotificationBell extends NotificationElement {
	begin() {
		const { store } = live();
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

	/** Fetch a list, once: the stream keeps it right. */
	async #load(panel, url = this.dataset.panelUrl) {
		const [skeleton, failed, ...old] = panel.children;
		const address = new URL(url, location.href);
		address.searchParams.set("part", "panel");
		skeleton.hidden = old.length > 0;
		failed.hidden = true;
		try {
			const response = await fetch(address, { cache: "no-store" });
			const page = new DOMParser().parseFromString(await response.text(), "text/html");
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
		if (document.title !== written) bare = document.title;
		written = unread ? `(${count}) ${bare}` : bare;
		document.title = written;
	}
}
