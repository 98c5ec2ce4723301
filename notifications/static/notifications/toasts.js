/** <notification-toasts>: shows, says and signals what is new. */

import { alert, chime, follow, isChosen, mark, tellWhetherLookedAt } from "./alerts.js";
import { LiveElement, post } from "./element.js";
import { show } from "./item.js";
import { batch, News } from "./news.js";
import { isOn } from "./settings.js";
import { counted } from "./words.js";

const SHOWN_MS = 8000;
const MOST = 3; // more become one toast, whose id is 0

class Toasts extends LiveElement {
	#since = Date.parse(this.dataset.since);
	#news = new News(this.#since);
	#ids = [];
	#timer;
	#from; // where the focus was
	#arrive = batch(100, 1000, (ids) => this.#add(ids));
	#tell = batch(1000, 5000, (ids) => this.#say(this.#news.among(ids)));

	begin() {
		if (document.querySelector(this.localName) !== this) return; // a page may have several bells
		const { store } = this;
		this.on(store, "change", ({ detail }) => this.#take(this.#news.take(detail)));
		this.on(store, "reset", ({ detail: { snapshot } }) => {
			this.#news = new News(this.#since, Math.max(0, ...snapshot.items.map(({ id }) => id)));
			this.#take([]);
		});
		this.on(store, "counters", () => mark(store.unread));
		this.on(this, "click auxclick", (event) => this.#click(event));
		this.on(this, "pointerleave focusout", () => this.#wait());
		this.on(document, "keydown", (event) => this.#press(event));
		this.on(document, "visibilitychange", tellWhetherLookedAt);
		tellWhetherLookedAt();
		mark(store.unread);
	}

	#take(fresh) {
		this.#render();
		follow(this.#news);
		this.#arrive(fresh);
		this.#tell(fresh);
	}

	#add(ids) {
		if (!isOn("toasts") || !this.isConnected) return;
		this.#ids.push(...ids.filter((id) => !isInSight(id)));
		if (!this.matches(":focus-within")) this.togglePopover(false); // to come back above what was opened meanwhile
		this.#render();
		this.#wait();
	}

	#render() {
		const hadFocus = this.matches(":focus-within");
		const items = this.#news.among(this.#ids);
		const old = [...this.querySelectorAll("article")];
		const find = (id) => old.find(({ dataset }) => dataset.id === `${id}`);
		const toasts = this.#few(items).map((item) => show(this, { ...item, item }, find(item.id)));
		this.#ids = items.map(({ id }) => id);
		for (const toast of old) if (!toasts.includes(toast)) toast.remove();
		this.append(...toasts.filter((toast) => !toast.isConnected));
		this.togglePopover(toasts.length > 0);
		if (hadFocus && !this.matches(":focus-within")) (this.querySelector("button") ?? this.#from)?.focus();
	}

	#few(items) {
		if (items.length <= MOST) return items;
		const level = items.some((item) => item.level === "error") ? "error" : "info";
		const title = words(this.dataset.many, items);
		return [{ id: 0, modseq: items.length, level, title, body: "", url: this.dataset.url }];
	}

	/** Close what somebody could have read. An error stays. */
	#wait() {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			const isHeld = document.hidden || this.matches(":hover, :focus-within");
			const items = this.#news.among(this.#ids).filter(({ level }) => isHeld || level === "error");
			this.#keep(items.map(({ id }) => id));
			if (isHeld) this.#wait();
		}, SHOWN_MS);
	}

	#keep(ids) {
		this.#ids = ids;
		this.#render();
	}

	#click({ target, button }) {
		const id = Number(target.closest("article")?.dataset.id);
		if (target.closest("button")) this.#keep(this.#ids.filter((each) => id && each !== id));
		else if (id && button < 2 && target.closest("a[href]")) this.#read(id);
	}

	#press(event) {
		const isInside = this.contains(event.target);
		if (event.key === "Escape" && isInside) this.#keep([]);
		if (event.key !== "F6" || !this.#ids.length || !isOn("shortcuts")) return;
		event.preventDefault();
		if (!isInside) this.#from = document.activeElement;
		(isInside ? this.#from : this).focus();
	}

	#read(id) {
		post(this.dataset.actUrl, Object.entries({ action: "read", id })).catch(console.warn);
	}

	async #say(items) {
		const text = items.length > 1 ? this.dataset.spokenMany : this.dataset.spoken;
		if (!items.length) return;
		if (!document.hidden) document.querySelector(".notification-voice").textContent = words(text, items);
		if (!(await isChosen(this.share))) return;
		chime();
		for (const item of this.#few(items)) alert(item, (id) => id && this.#read(id));
	}
}

/** In a list. */
function isInSight(id) {
	const box = document.querySelector(`.notification-item[data-id="${id}"]`)?.getBoundingClientRect();
	return box?.height > 0 && box.bottom > 0 && box.top < innerHeight;
}

const words = (text, { length, 0: { title } }) => counted(text, length).replace(/{title}/g, () => title);

customElements.define("notification-toasts", Toasts);
