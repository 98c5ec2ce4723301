/** <notification-bell>: the count, in badge, name and title, and a panel. */

import { isLoggedOut } from "./act.js";
import { ask, find, LiveElement, offerLogin, set } from "./element.js";
import { counted } from "./words.js";

const MOST_TITLES = 100;
const ownTitles = new Map(); // the page's own title, by the one that a bell has made of it

/** Put the count before the title that the page gives itself, also where something keeps titles and brings them back. */
function nameDocument(count) {
	const own = ownTitles.get(document.title) ?? document.title;
	const title = count ? `(${count}) ${own}` : own;
	if (title !== document.title) document.title = title;
	ownTitles.delete(title); // to be the latest
	ownTitles.set(title, own);
	if (ownTitles.size > MOST_TITLES) ownTitles.delete(ownTitles.keys().next().value);
}

class Bell extends LiveElement {
	#states = ["skeleton", "panel__failed", "panel__over"].map((name) => find(this, name));
	#titles = new MutationObserver(() => this.tell());

	begin() {
		const [bell, panel] = [find(this, "bell"), find(this, "panel")];
		const isOpen = () => panel.matches(":popover-open");
		let wasOpen = false; // when the pointer went down, which closes it
		this.#titles.observe(document.head, { childList: true, subtree: true, characterData: true });
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

	/** What something keeps of the page holds nothing that was fetched, and its title no count. */
	end() {
		this.#titles.disconnect();
		find(this, "panel").replaceChildren(...this.#states.filter(Boolean));
		setTimeout(() => find(document, "bell") || nameDocument(""));
	}

	async #load(panel, url) {
		const [skeleton, failed, over] = this.#states;
		if (!find(panel, "tabs")) panel.replaceChildren(skeleton);
		const response = await ask(this, url).catch(console.warn);
		if (await isLoggedOut(response)) this.store.setLine("over");
		const text = response?.ok ? await response.text().catch(console.warn) : "";
		const page = new DOMParser().parseFromString(text, "text/html");
		const list = find(page, "centre"); // none where one must log in
		const isOver = this.store.line === "over";
		if (list && !isOver) panel.replaceChildren(...page.querySelectorAll("link"), list);
		else panel.replaceChildren((isOver && over) || failed);
		offerLogin(panel, isOver);
		if (this.matches(":focus-within")) return;
		panel.focus(); // a list without its style yet cannot be
		find(panel, "tabs [aria-current]")?.focus();
	}

	tell() {
		const { unread } = this.store;
		const { labelNone, labelSome, many } = this.dataset;
		const count = unread > 99 ? many : counted("{count}", unread);
		set(this, "bell__badge", { textContent: count });
		set(this, "bell", { ariaLabel: counted(labelSome, unread) || labelNone });
		nameDocument(count);
	}
}

customElements.define("notification-bell", Bell);
