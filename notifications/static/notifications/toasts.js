/** <notification-toasts>: shows, says and signals what is new. */

import { alert, chime, follow, isChosen, mark, tellWhetherLookedAt } from "./alerts.js";
import { find, LiveElement, post, set } from "./element.js";
import { render } from "./item.js";
import { batch, News } from "./news.js";
import { isOn } from "./settings.js";
import { counted } from "./words.js";

const SHOWN_MS = 8000;
const MOST = 3; // more become one toast, whose id is 0
const words = (text, items) => counted(text, items.length).replace("{title}", () => items[0].title);

class Toasts extends LiveElement {
	#news;
	#ids = [];
	#timer;
	#from; // where the focus was
	#read = (id) => id && post(this, this.dataset.actUrl, Object.entries({ action: "read", id }));

	begin() {
		if (document.querySelector(this.localName) !== this) return; // of two bells
		const add = batch(100, 1000, (ids) => this.#add(ids));
		const say = batch(1000, 5000, (ids) => this.#say(this.#news.among(ids)));
		const take = (fresh) => {
			this.#keep(this.#ids);
			follow(this.#news, this.#read);
			add(fresh);
			say(fresh);
		};
		this.#news = new News(Number(this.dataset.newest));
		this.on(this.store, "change", ({ detail }) => take(this.#news.take(detail)));
		this.on(this.store, "reset", ({ detail: { snapshot } }) => {
			this.#news = new News(Math.max(this.#news.newest, ...snapshot.items.map(({ id }) => id)));
			take([]);
		});
		this.on(this, "click auxclick", (event) => this.#click(event));
		this.on(this, "pointerleave focusout", () => this.#wait());
		this.on(document, "keydown", (event) => this.#press(event));
		this.on(document, "visibilitychange", tellWhetherLookedAt);
		tellWhetherLookedAt();
	}

	tell() {
		const { unread, line } = this.store;
		mark(unread);
		if (line === "over" && this.#news) this.#forget();
	}

	/** Also for what something keeps of the page. */
	end() {
		clearTimeout(this.#timer);
		mark(0);
		render(this, this, []);
	}

	#forget() {
		this.#news = new News(Number.MAX_SAFE_INTEGER);
		follow(this.#news, this.#read);
		this.#keep([]);
	}

	#add(ids) {
		if (!isOn("toasts") || !this.isConnected) return;
		if (!this.matches(":focus-within")) this.togglePopover(false); // to come back on top
		this.#keep([...this.#ids, ...ids.filter((id) => !isInSight(id))]);
		this.#wait();
	}

	/** Of these, what is still unread. */
	#keep(ids) {
		if (!this.isConnected) return; // where there can be no popover
		const hadFocus = this.matches(":focus-within");
		const items = this.#news.among(ids);
		const rows = this.#few(items).map((item) => ({ ...item, item }));
		this.#ids = items.map(({ id }) => id);
		this.togglePopover(render(this, this, rows).length > 0);
		if (hadFocus && !this.matches(":focus-within")) (find(this, "toast button") ?? this.#from)?.focus();
	}

	#few(items) {
		if (items.length <= MOST) return items;
		const { many, url } = this.dataset;
		const level = items.some(({ level }) => level === "error") ? "error" : "info";
		return [{ id: 0, modseq: items.length, level, title: words(many, items), body: "", url }];
	}

	/** For what somebody could have read. An error stays. */
	#wait() {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			if (document.hidden || this.matches(":hover, :focus-within")) this.#wait();
			else this.#keep(this.#ids.filter((id) => this.#news.get(id).item.level === "error"));
		}, SHOWN_MS);
	}

	#click({ target, button }) {
		const id = Number(target.closest("article")?.dataset.id);
		if (target.closest("button")) this.#keep(this.#ids.filter((each) => id && each !== id));
		else if (button < 2 && target.closest("a[href]")) this.#read(id);
	}

	#press(event) {
		const isInside = this.contains(event.target);
		if (event.key === "Escape" && isInside) this.#keep([]);
		if (event.key !== "F6" || !this.#ids.length || !isOn("shortcuts")) return;
		event.preventDefault();
		if (!isInside) this.#from = document.activeElement;
		(isInside ? this.#from : this).focus();
	}

	async #say(items) {
		if (!items.length) return;
		const { spoken, spokenMany, chimeUrl } = this.dataset;
		const textContent = words(items.length > 1 ? spokenMany : spoken, items);
		if (!document.hidden) set(document, "voice", { textContent });
		if (!(await isChosen(this.line))) return;
		chime(chimeUrl);
		for (const item of this.#few(items)) alert(item, this.#read);
	}
}

function isInSight(id) {
	const box = find(document, `item[data-id="${id}"]`)?.getBoundingClientRect();
	return box?.height > 0 && box.top < innerHeight;
}

customElements.define("notification-toasts", Toasts);
