/** <notification-list>: the centre, or what the bell opens, kept right by the stream. */

import { Actions } from "./act.js";
import { find, LiveElement, post } from "./element.js";
import { rowOf, show } from "./item.js";
import { press } from "./keys.js";
import { Rows } from "./rows.js";
import { parse } from "./store.js";
import { counted, showTime } from "./words.js";

const MOST = 200; // items in the document
const ABOVE = 80; // the view, 40 more or less
const MARGIN = 1000; // px from the view to an end that wants more
const top = (element) => element.getBoundingClientRect().top;

class List extends LiveElement {
	actions = new Actions(this);
	#start = 0; // of the known ids in the document
	#height = 100; // px of an item
	#fresh = 0; // arrived above the view
	#fetching = Promise.resolve();
	#observer = new IntersectionObserver(() => this.#slide(), { rootMargin: `${MARGIN}px` });

	begin() {
		const { store, dataset } = this;
		this.on(store, "change", ({ detail }) => {
			this.rows.apply(detail);
			this.draw();
		});
		this.on(store, "reset", () => this.refresh());
		this.on(store, "counters line", () => this.#showCounts());
		this.on(store, "over", () => this.say("refused"));
		this.on(this, "submit", (event) => this.#submit(event));
		this.on(this, "click auxclick", (event) => this.#click(event));
		this.on(this, "change", ({ target }) => {
			if (target.matches("select")) target.form.requestSubmit();
			if (target.closest(".notification-selection__all")) this.select(target.checked);
			this.#showSelection();
		});
		this.on(document, "keydown", (event) => press(event, this));
		this.on(document, "scroll", () => this.#fresh && top(this.#list) >= 0 && this.#look());
		store.report(dataset);
		this.rows = new Rows(dataset, this.items.map(rowOf));
		this.newest = this.rows.ids[0] ?? 0;
		for (const time of this.querySelectorAll("time")) showTime(time);
		this.#showCounts();
		this.draw();
		this.see();
	}

	get isPage() {
		return this.dataset.part === "list";
	}

	get items() {
		return [...this.#list.children];
	}

	get #list() {
		return find(this, "list");
	}

	/** The browser holds what is read in its place (scroll anchoring). */
	draw() {
		const { ids, next } = this.rows;
		const list = this.#list;
		const old = new Map(this.items.map((item) => [Number(item.dataset.id), item]));
		const focus = document.activeElement;
		const left = focus.closest("li");
		const [above, below] = this.querySelectorAll(".notification-spacer");
		const older = find(this, "pages__older");
		this.#start = this.#startOf(ids);
		const shown = ids.slice(this.#start, this.#start + MOST);
		const items = shown.map((id) => show(this, this.rows.get(id), old.get(id)));
		for (const item of old.values()) if (!items.includes(item)) item.remove();
		for (const [index, item] of items.entries())
			if (list.children[index] !== item) list.insertBefore(item, list.children[index]);
		if (left?.isConnected === false) {
			const aim = items[shown.findIndex((id) => id < left.dataset.id)] ?? items.at(-1) ?? list;
			(aim.querySelector(`.${focus.classList[1]}`) ?? aim).focus({ preventScroll: true });
		}
		if (!this.#start) this.#height = list.offsetHeight / items.length || this.#height;
		above.style.height = `${this.#start * this.#height}px`;
		below.style.height = `${(ids.length - this.#start - items.length) * this.#height}px`;
		if (older) older.hidden = !next;
		this.toggleAttribute("data-empty", !items.length && !next);
		this.#look(ids.filter((id, index) => id > this.newest && (this.#start || top(items[index]) < 0)).length);
		this.newest = Math.max(this.newest, ids[0] ?? 0);
		this.#showSelection();
		this.#observer.disconnect(); // observing anew asks anew
		for (const end of [above, below]) this.#observer.observe(end);
	}

	/** Fetch anew what is shown and above; what is below comes when it is wanted. */
	refresh() {
		const all = this.dataset.before || Number.MAX_SAFE_INTEGER;
		this.rows.doubt();
		this.#fetching = this.#fetching.then(() => this.#fetch(all, this.items.at(-1)?.dataset.id));
		return this.#fetching;
	}

	say(what) {
		find(this, "status").textContent = this.getAttribute(`data-message-${what}`);
		find(this, "retry").hidden = what !== "stale";
	}

	see() {
		if (this.store.unseen) post(this.dataset.seenUrl).catch(() => {}); // the next look tells it
		this.#look();
	}

	select(isSelected) {
		for (const box of this.querySelectorAll("li input")) box.checked = isSelected;
	}

	get #selected() {
		return [...this.querySelectorAll("li :checked")].map((box) => rowOf(box.closest("li")).id);
	}

	#showSelection() {
		const [box, label] = find(this, "selection__all")?.children ?? [];
		const { length } = this.#selected;
		if (!box) return;
		box.checked = length > 0;
		box.indeterminate = length > 0 && length < this.items.length;
		label.textContent = length ? counted(label.dataset.some, length) : label.dataset.none;
	}

	/** Fetch what is older than `before`, at least down to `last`. */
	async #fetch(before, last = before) {
		const items = [];
		const url = new URL(this.dataset.url, location.href);
		let next = before;
		let asOf;
		url.searchParams.set("part", "rows");
		this.ariaBusy = "true";
		try {
			do {
				url.searchParams.set("before", next);
				const page = await (await fetch(url)).json();
				const { epoch, modseq } = parse(page.position);
				if (epoch !== this.store.epoch) throw new Error("somebody else's inbox");
				items.push(...page.items);
				next = page.next ?? 0;
				asOf ??= modseq;
			} while (next > last);
			this.rows.add(items, before, next, asOf);
			this.draw();
			if (!find(this, "retry").hidden) this.say("");
		} catch (error) {
			console.warn("notifications:", error);
			this.say("stale");
		}
		this.ariaBusy = null;
	}

	#startOf(ids) {
		const item = this.items.find((each) => each.getBoundingClientRect().bottom > 0);
		const isInView = item && top(item) < innerHeight;
		const passed = isInView
			? ids.findIndex((id) => id <= item.dataset.id)
			: Math.floor(-top(find(this, "spacer")) / this.#height);
		const isNear = isInView && Math.abs(passed - this.#start - ABOVE) < ABOVE / 2;
		return Math.max(0, Math.min(isNear ? this.#start : passed - ABOVE, ids.length - MOST));
	}

	#slide() {
		const { ids, next } = this.rows;
		if (!this.offsetHeight) return;
		const isNearEnd = this.#list.getBoundingClientRect().bottom < innerHeight + MARGIN;
		if (this.#startOf(ids) !== this.#start) this.draw();
		else if (isNearEnd && next && this.isPage && !this.ariaBusy) this.#fetching = this.#fetch(next);
	}

	/** What arrived above the view is not reached by "mark all as read". */
	#look(more) {
		const { dataset, store } = this;
		const [button, upTo] = [find(this, "fresh"), this.querySelector("[name=up_to]")];
		this.#fresh = more === undefined ? 0 : this.#fresh + more;
		button.hidden = !this.#fresh;
		button.textContent = counted(button.dataset.some, this.#fresh);
		const isSeen = this.offsetHeight && dataset.tab !== "archived" && !dataset.before && !this.#fresh;
		if (upTo && isSeen) upTo.value = Math.max(upTo.value, store.modseq);
	}

	#submit(event) {
		const { target, submitter } = event;
		const { name, value } = submitter ?? {};
		const item = submitter?.closest("li");
		if (target.method !== "post") return;
		event.preventDefault();
		if (item) {
			const { id, isRead, isArchived } = rowOf(item);
			const isDone = { read: isRead, archive: isArchived }[value];
			this.actions.act(isDone ? `un${value}` : value, [id]);
		} else if (name) this.actions.act(value, this.#selected);
		else {
			const { action, up_to: upTo } = target;
			this.actions.act("read", this.rows.unread(upTo.value), action, [["up_to", upTo.value]]);
		}
	}

	#click(event) {
		const target = event.target.closest("a, button");
		const is = (name) => target?.matches(`.notification-${name}`);
		if (is("item:not([data-read]) .notification-item__link[href]") && event.button < 2)
			this.actions.act("read", [rowOf(target.closest("li")).id]);
		if (is("retry")) this.refresh();
		if (is("undo__button")) this.actions.undo();
		if (!is("fresh")) return;
		this.scrollIntoView();
		this.draw();
		this.items[0].focus({ preventScroll: true });
		this.#look();
	}

	#showCounts() {
		const { unread, line } = this.store;
		const [count, button] = [find(this, "tabs__count"), find(this, "centre__read-all")];
		count.textContent = counted("{count}", unread);
		count.hidden = !unread;
		if (button) button.disabled = !unread;
		this.dataset.line = line;
	}
}

customElements.define("notification-list", List);
