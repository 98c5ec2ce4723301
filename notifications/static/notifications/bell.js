// @ts-check
/** <notification-bell>: the count of unread notifications, in badge, name and title; a click opens the latest of them. */

import { shortCount, withCount } from "./count.js";
import { find } from "./item.js";
import { live } from "./live.js";

let titled = ""; // the count that stands before the page's title; a page may have several bells

export class NotificationBell extends HTMLElement {
	#life;
	#wasOpen = false; // when the pointer went down, which closes what is open

	connectedCallback() {
		this.#life = new AbortController();
		const { signal } = this.#life;
		const { store } = live();
		const [bell, panel] = [this.#bell, this.#panel];
		const on = (target, name, react) => target.addEventListener(name, react, { signal });
		on(store, "counters", () => this.#show(store.unread));
		this.#show(store.unread);
		if (!panel?.togglePopover || document.querySelector("[data-part=list]")) return; // it stays a link
		Object.assign(bell, { role: "button", ariaHasPopup: "dialog", ariaExpanded: "false" });
		on(bell, "pointerdown", () => {
			this.#wasOpen = panel.matches(":popover-open");
		});
		on(bell, "click", (event) => this.#click(event));
		on(bell, "keydown", (event) => event.key === " " && this.#click(event));
		on(panel, "toggle", ({ newState }) => this.#toggle(newState === "open"));
		on(panel, "focusout", ({ relatedTarget }) => {
			if (relatedTarget && !this.contains(relatedTarget)) panel.hidePopover();
		});
		on(find(panel, "panel__failed").querySelector("button"), "click", () => this.#fill());
	}

	disconnectedCallback() {
		this.#life.abort();
	}

	#click(event) {
		if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab
		event.preventDefault();
		this.#panel.togglePopover(!this.#wasOpen && !this.#panel.matches(":popover-open"));
		this.#wasOpen = false;
	}

	#toggle(isOpen) {
		const [bell, panel] = [this.#bell, this.#panel];
		const { bottom, left, right } = bell.getBoundingClientRect();
		const end = getComputedStyle(this).direction === "rtl" ? left : document.documentElement.clientWidth - right;
		panel.style.setProperty("--notification-block", `${bottom}px`);
		panel.style.setProperty("--notification-end", `${end}px`);
		bell.ariaExpanded = String(isOpen);
		if (!isOpen) return;
		panel.focus();
		const list = panel.querySelector("notification-list");
		if (list) list.see();
		else this.#fill();
	}

	/** Fetch what the panel shows: the list of the centre, by the same template. */
	async #fill() {
		const [skeleton, failed] = this.#panel.children;
		failed.hidden = true;
		skeleton.hidden = false;
		try {
			const response = await fetch(this.dataset.panelUrl, { cache: "no-store" });
			const page = new DOMParser().parseFromString(await response.text(), "text/html");
			if (!page.querySelector("notification-list")) throw new Error(`${response.status}: no list in ${response.url}`);
			for (const link of page.querySelectorAll("link")) await styled(link.href);
			this.#panel.replaceChildren(...page.querySelectorAll("svg.notification-hidden, notification-list"));
		} catch (error) {
			console.warn("notifications:", error);
			failed.hidden = false;
			skeleton.hidden = true;
		}
	}

	#show(unread) {
		const { labelNone, labelSome, many } = this.dataset;
		const badge = find(this, "bell__badge");
		const count = unread ? shortCount(unread, many) : "";
		badge.textContent = count;
		badge.hidden = !count;
		this.#bell.ariaLabel = unread ? labelSome.replace("{count}", unread) : labelNone;
		document.title = withCount(document.title, count, titled);
		titled = count;
	}

	get #bell() {
		return find(this, "bell");
	}

	get #panel() {
		return find(this, "panel");
	}
}

/** Wait until a stylesheet is there, so that nothing shows unstyled. */
function styled(href) {
	if ([...document.styleSheets].some((sheet) => sheet.href === href)) return;
	const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
	document.head.append(link);
	return new Promise((resolve) => {
		link.onload = link.onerror = resolve;
	});
}
