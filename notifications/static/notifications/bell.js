/** <notification-bell>: the count, in badge, name and title, and a panel. */

import { find, LiveElement, set } from "./element.js";
import { counted } from "./words.js";

let prefix = ""; // of the page's title

class Bell extends LiveElement {
	#states = [...find(this, "panel").children];

	begin() {
		const [bell, panel] = [find(this, "bell"), find(this, "panel")];
		const isOpen = () => panel.matches(":popover-open");
		let wasOpen = false; // when the pointer went down, which closes it
		if (!bell.dataset.panelUrl || !panel.togglePopover) return; // it stays a link
		bell.ariaExpanded = "false";
		this.on(bell, "pointerdown", () => (wasOpen = isOpen()));
		this.on(this, "click", (event) => {
			const aim = event.target.closest("[data-panel-url]");
			if (!aim || event.ctrlKey || event.metaKey || event.shiftKey) return; // for a new tab
			event.preventDefault();
			if (aim === bell) panel.togglePopover(!wasOpen && !isOpen());
			else this.#load(panel, aim.dataset.panelUrl);
			wasOpen = false;
		});
		this.on(panel, "toggle", () => {
			const list = find(panel, "centre");
			bell.ariaExpanded = `${isOpen()}`;
			if (isOpen() && list) list.see();
			else if (isOpen()) this.#load(panel, bell.dataset.panelUrl);
		});
		this.on(panel, "focusout", ({ relatedTarget }) => {
			if (relatedTarget && !this.contains(relatedTarget)) panel.hidePopover();
		});
	}

	async #load(panel, url) {
		const [skeleton, failed] = this.#states;
		if (!find(panel, "tabs")) panel.replaceChildren(skeleton);
		const text = await fetch(url)
			.then((response) => response.text())
			.catch(console.warn);
		const page = new DOMParser().parseFromString(text, "text/html");
		const list = find(page, "centre"); // none where one must log in
		panel.replaceChildren(...(list ? [...page.querySelectorAll("link"), list] : [failed]));
		if (this.matches(":focus-within")) return;
		panel.focus(); // a list without its style yet cannot be
		find(panel, "tabs [aria-current]")?.focus();
	}

	tell() {
		const { unread } = this.store;
		const { labelNone, labelSome, many } = this.dataset;
		const count = unread > 99 ? many : counted("{count}", unread);
		const title = document.title.slice(document.title.startsWith(prefix) ? prefix.length : 0);
		set(this, "bell__badge", { textContent: count });
		set(this, "bell", { ariaLabel: counted(labelSome, unread) || labelNone });
		prefix = count && `(${count}) `;
		document.title = prefix + title;
	}
}

customElements.define("notification-bell", Bell);
