// @ts-check
/** <notification-bell>: the count of unread notifications, in badge, name and title; a click opens the latest of them. */

import { counted, shortCount, withCount } from "./count.js";
import { find } from "./item.js";
import { live } from "./live.js";
import { languageOf } from "./time.js";

let titled = ""; // the count that stands before the page's title; a page may have several bells

export class NotificationBell extends HTMLElement {
	#life;
	#wasOpen = false; // when the pointer went down, which closes what is open

	connectedCallback() {
		this.#life = new AbortController();
		const { store } = live();
		const [bell, panel] = [find(this, "bell"), find(this, "panel")];
		const on = (target, name, react) => target.addEventListener(name, react, this.#life);
		on(store, "counters", () => this.#show(store.unread));
		this.#show(store.unread);
		if (!panel?.togglePopover || document.querySelector("[data-part=list]")) return; // it stays a link
		bell.ariaExpanded = "false";
		on(bell, "pointerdown", () => {
			this.#wasOpen = panel.matches(":popover-open");
		});
		on(bell, "click", (event) => {
			if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab
			event.preventDefault();
			panel.togglePopover(!this.#wasOpen && !panel.matches(":popover-open"));
			this.#wasOpen = false;
		});
		on(panel, "toggle", ({ newState }) => {
			bell.ariaExpanded = String(newState === "open");
			if (newState === "open") this.#open(panel);
		});
		on(panel, "focusout", ({ relatedTarget }) => {
			if (relatedTarget && !this.contains(relatedTarget)) panel.hidePopover();
		});
		on(find(panel, "panel__retry"), "click", () => this.#open(panel));
	}

	disconnectedCallback() {
		this.#life.abort();
	}

	/** Show the latest: fetched the first time, by the template of the centre; from then on the stream keeps them right. */
	async #open(panel) {
		panel.focus();
		const list = panel.querySelector("notification-list");
		if (list) {
			list.see();
			return;
		}
		const [skeleton, failed] = panel.children;
		failed.hidden = true;
		skeleton.hidden = false;
		try {
			const response = await fetch(this.dataset.panelUrl, { cache: "no-store" });
			const page = new DOMParser().parseFromString(await response.text(), "text/html");
			if (!page.querySelector("notification-list")) throw new Error(`${response.status}: no list in ${response.url}`);
			panel.replaceChildren(...page.querySelectorAll("link, svg.notification-hidden, notification-list"));
		} catch (error) {
			console.warn("notifications:", error);
			skeleton.hidden = true;
			failed.hidden = false;
		}
	}

	#show(unread) {
		const { labelNone, labelSome, many } = this.dataset;
		const language = languageOf(this);
		const badge = find(this, "bell__badge");
		const count = unread ? shortCount(unread, many, language) : "";
		badge.textContent = count;
		badge.hidden = !count;
		find(this, "bell").ariaLabel = unread ? counted(labelSome, unread, language) : labelNone;
		document.title = withCount(document.title, count, titled);
		titled = count;
	}
}
