// @ts-check
/** <notification-toasts>: shows, says and signals what is new. Its words are in _toasts.html. */

import { chime, follow, isChosen, mark, show, tellWhetherLookedAt } from "./alerts.js";
import { counted } from "./count.js";
import { isFollowable } from "./item.js";
import { live } from "./live.js";
import { batch, News } from "./news.js";
import { isOn } from "./settings.js";
import { languageOf } from "./time.js";

const SECONDS = 8; // after the latest
const MOST = 3; // more become one toast, whose id is 0
const CLOSED = "notifications.closed"; // other tabs close what this one has closed

export class NotificationToasts extends HTMLElement {
	#life = new AbortController();
	#news = new News(0);
	#ids = []; // what the toasts are about
	#left = 0;
	#clock = null;
	#from = null; // where the focus was
	#arrive = batch(100, 1000, (ids) => this.#add(ids));
	#tell = batch(1000, 5000, (ids) => this.#say(this.#news.among(ids)));

	connectedCallback() {
		if (document.querySelector(this.localName) !== this) return; // a page may have several bells
		this.#life = new AbortController();
		this.#news = new News(Date.parse(this.dataset.since));
		const [icons] = this.querySelectorAll("template");
		if (!document.getElementById("notification-level-info")) this.after(icons.content); // as in the centre
		const { store } = live();
		const on = (target, name, act) => target.addEventListener(name, act, { signal: this.#life.signal });
		on(store, "change", ({ detail }) => this.#take(this.#news.apply(detail)));
		on(store, "reset", ({ detail }) => this.#take(this.#news.reset(detail.snapshot.items)));
		on(store, "counters", () => mark(store.unread));
		on(this, "click", (event) => this.#click(event));
		on(this, "auxclick", (event) => this.#click(event));
		on(document, "keydown", (event) => this.#press(event));
		on(document, "visibilitychange", tellWhetherLookedAt);
		on(window, "storage", ({ key, newValue }) => key === CLOSED && this.#close(newValue?.split(",").map(Number) ?? []));
		tellWhetherLookedAt();
		mark(store.unread);
	}

	disconnectedCallback() {
		this.#life.abort();
		clearInterval(this.#clock);
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
		this.#left = SECONDS;
		if (!this.matches(":focus-within")) this.togglePopover(false); // to come back above what was opened meanwhile
		this.#render();
	}

	/** Show what is still unread: each by itself, or how many. */
	#render() {
		const hadFocus = this.matches(":focus-within");
		const items = this.#news.among(this.#ids);
		this.#ids = items.map(({ id }) => id);
		const shown = this.#few(items);
		for (const toast of this.querySelectorAll("article")) {
			if (!shown.some(({ id }) => `${id}` === toast.dataset.id)) toast.remove();
		}
		for (const item of shown) this.#fill(item);
		this.togglePopover(shown.length > 0);
		clearInterval(this.#clock);
		if (shown.length) this.#clock = setInterval(() => this.#tick(), 500);
		if (hadFocus && !this.matches(":focus-within")) (this.querySelector("button") ?? this.#from)?.focus();
	}

	#fill({ id, level, title, body, url }) {
		const old = this.querySelector(`[data-id="${id}"]`);
		const toast = old ?? this.querySelectorAll("template")[1].content.firstElementChild.cloneNode(true);
		Object.assign(toast.dataset, { id, level });
		const [icon, name, link, text] = toast.querySelectorAll("use, span, a, p");
		icon.setAttribute("href", `#notification-level-${level}`);
		name.textContent = this.getAttribute(`data-${level}`);
		link.textContent = title;
		text.textContent = body;
		link.toggleAttribute("href", isFollowable(url));
		if (isFollowable(url)) link.href = url;
		if (!old) this.append(toast);
	}

	/** Make one of many. */
	#few(items) {
		if (items.length <= MOST) return items;
		const level = items.some((item) => item.level === "error") ? "error" : "info";
		return [{ id: 0, level, title: words(this.dataset.many, items), body: "", url: this.dataset.url }];
	}

	/** Close what has been there long enough, while somebody could read it. An error stays until it is closed. */
	#tick() {
		const isHeld = document.hidden || this.matches(":hover, :focus-within");
		this.#left = isHeld ? Math.max(this.#left, 2) : this.#left - 0.5;
		const items = this.#news.among(this.#ids);
		if (this.#left <= 0) this.#dismiss(items.filter(({ level }) => level !== "error").map(({ id }) => id));
	}

	#dismiss(ids) {
		if (ids.length) localStorage[CLOSED] = ids;
		this.#close(ids);
	}

	#close(ids) {
		this.#ids = this.#ids.filter((id) => !ids.includes(id));
		this.#render();
	}

	#click({ target, button }) {
		const id = Number(target.closest("article")?.dataset.id);
		if (target.closest("button")) this.#dismiss(id ? [id] : this.#ids);
		else if (id && button < 2 && target.closest("a[href]")) this.#read(id);
	}

	#press(event) {
		if (event.key === "Escape" && this.contains(event.target)) this.#dismiss(this.#ids);
		if (event.key !== "F6" || !this.#ids.length || !isOn("shortcuts")) return;
		event.preventDefault();
		if (this.matches(":focus-within")) this.#from?.focus();
		else {
			this.#from = document.activeElement;
			this.focus();
		}
	}

	/** Mark as read. The stream tells what came of it. */
	#read(id) {
		const form = this.querySelector("form");
		const address = form.action.replace(/\/0\/(?=\w+\/$)/, `/${id}/`);
		const headers = { Accept: "application/json" };
		fetch(address, { method: "POST", body: new FormData(form), headers, keepalive: true }).catch(console.warn);
	}

	async #say(items) {
		const text = items.length > 1 ? this.dataset.spokenMany : this.dataset.spoken;
		if (!items.length) return;
		if (!document.hidden) document.querySelector(".notification-voice").textContent = words(text, items);
		if (!(await isChosen(live().share))) return;
		chime();
		for (const item of this.#few(items)) show(item, (id) => id && this.#read(id));
	}
}

/** Say whether an item is on the screen already, in a list. */
function isInSight(id) {
	const box = document.querySelector(`.notification-item[data-id="${id}"]`)?.getBoundingClientRect();
	return box?.height > 0 && box.bottom > 0 && box.top < innerHeight;
}

/** Fill in how many there are, and what the first says. */
function words(text, { length, 0: { title } }) {
	return counted(text, length, languageOf(document.body)).replace(/{title}/g, () => title);
}
