/** <notification-list>: centre or panel, kept right by the stream. */

import { act } from "./act.js";
import { find, LiveElement, post, set } from "./element.js";
import { idOf, render, rowOf } from "./item.js";
import { press } from "./keys.js";
import { Rows } from "./rows.js";
import { isBehind, parse } from "./store.js";
import { counted, showTime } from "./words.js";

const MOST = 200; // items in the document
const STEP = 50; // they move by
const boxOf = (element) => element.getBoundingClientRect();
const showTimes = (root) => root.querySelectorAll(".notification-item__time").forEach(showTime);

class List extends LiveElement {
	isPage = this.dataset.part === "list";
	#list = find(this, "list");
	#ids = [];
	#start = 0; // in the document
	#height = 100; // px of an item
	#seen; // the newest that was in view
	#asked;

	begin() {
		this.on(this.store, "change", ({ detail }) => {
			this.rows.apply(detail);
			this.draw();
		});
		this.on(this.store, "reset", () => this.refresh());
		this.on(this, "submit", (event) => this.#submit(event));
		this.on(this, "click auxclick", (event) => this.#click(event));
		this.on(this, "change", ({ target }) => {
			if (target.matches("select")) target.form.requestSubmit();
			if (target.closest(".notification-selection__all")) this.select(target.checked);
			this.tell();
		});
		this.on(document, "keydown", (event) => press(event, this));
		const move = () => (this.#findStart() === this.#start ? this.#look() : this.draw());
		this.on(window, "scroll resize", move, true); // panels, too
		this.store.report(this.dataset);
		this.rows = new Rows(this.dataset, this.items.map(rowOf));
		this.#seen = this.rows.ids[0];
		showTimes(this);
		this.draw();
		this.see();
		if (isBehind(this.dataset.position, this.store.position)) this.refresh(); // changes came first
	}

	get items() {
		return [...this.#list.children];
	}

	get #selected() {
		return new FormData(find(this, "form")).getAll("id").map(Number);
	}

	select(isSelected) {
		for (const box of this.querySelectorAll("li input")) box.checked = isSelected;
	}

	say(what) {
		const { messageFailed } = this.dataset;
		set(this, "status", { textContent: what && (this.getAttribute(`data-message-${what}`) ?? messageFailed) });
		set(this, "retry", { hidden: what !== "stale" });
	}

	see() {
		if (this.store.unseen) post(this.dataset.seenUrl);
		this.#look();
	}

	refresh() {
		this.say("");
		this.rows.doubt();
		return this.#fetch(this.dataset.before || Number.MAX_SAFE_INTEGER, this.items.at(-1)?.dataset.id);
	}

	/** Scroll anchoring keeps what is read in its place. */
	draw() {
		const { rows } = this;
		const focus = document.activeElement;
		const left = focus.closest("li");
		this.#ids = rows.ids;
		this.#start = this.#findStart();
		const shown = this.#ids.slice(this.#start, this.#start + MOST).map((id) => rows.get(id));
		const items = render(this, this.#list, shown);
		if (left?.isConnected === false) {
			const aim = items.find((item) => idOf(item) < idOf(left)) ?? items.at(-1) ?? this.#list;
			(aim.querySelector(`.${focus.classList[1]}`) ?? aim).focus({ preventScroll: true });
		}
		if (!this.#start) this.#height = this.#list.offsetHeight / items.length || this.#height;
		find(this, "spacer").style.height = `${this.#start * this.#height}px`;
		set(this, "pages__older", { hidden: !rows.next });
		this.toggleAttribute("data-empty", !items.length && !rows.next);
		this.tell();
		this.#look();
	}

	#findStart() {
		const item = this.items.find((each) => boxOf(each).bottom > 0 && boxOf(each).top < innerHeight);
		const passed = item ? this.#countSince(idOf(item)) : -boxOf(find(this, "spacer")).top / this.#height;
		return Math.max(0, Math.min(Math.floor(passed / STEP - 1) * STEP, this.#ids.length - MOST));
	}

	#countSince(id) {
		return this.#ids.filter((each) => each > id).length;
	}

	/** What arrived above the view is announced, and not reached by "mark all as read". */
	#look() {
		const { next } = this.rows;
		const { top, bottom } = boxOf(this.#list);
		if (this.ariaBusy || !this.offsetHeight) return;
		if (!this.#start && top >= 0) this.#seen = this.#ids[0];
		const fresh = this.#countSince(this.#seen);
		const bound = find(this, "bound");
		set(this, "fresh", { textContent: counted(this.dataset.fresh, fresh) });
		if (bound && !fresh) bound.value = Math.max(bound.value, this.store.modseq);
		if (next && this.isPage && !find(this, "retry:not([hidden])") && bottom < 2 * innerHeight) this.#fetch(next);
	}

	async #fetch(before, last) {
		const asked = this.#get(before, last);
		this.#asked = asked;
		this.ariaBusy = "true";
		const page = await asked.catch(console.warn);
		if (asked !== this.#asked) return; // a reset has come in between
		this.ariaBusy = null;
		if (!page) return this.say("stale");
		this.rows.add(page.items, before, page.next, page.modseq);
		this.draw();
	}

	async #get(before, last) {
		const response = await fetch(`${this.dataset.rowsUrl}&before=${before}`);
		const { items, next, position } = await response.json();
		const { epoch, modseq } = parse(position);
		if (epoch !== this.store.epoch) throw new Error("somebody else's inbox");
		if (!(next > last)) return { items, next: next ?? 0, modseq };
		const rest = await this.#get(next, last);
		return { ...rest, modseq, items: [...items, ...rest.items] };
	}

	tell() {
		const { dataset, items, store } = this;
		const { length } = this.#selected;
		dataset.line = store.line;
		if (store.line === "over") this.say(403);
		set(this, "tabs__count", { textContent: counted("{count}", store.unread) });
		set(this, "centre__read-all", { disabled: !store.unread });
		set(this, "selection__all > input", { checked: length, indeterminate: length && length < items.length });
		set(this, "selection__all > span", { textContent: counted(dataset.selected, length) || dataset.selectAll });
	}

	#submit(event) {
		const { target, submitter } = event;
		if (target.method !== "post") return;
		const { value } = submitter;
		const item = submitter.closest("li");
		const bound = target.up_to?.value;
		event.preventDefault();
		if (item) {
			const { id, isRead, isArchived } = rowOf(item);
			const isDone = { read: isRead, archive: isArchived }[value];
			act(this, isDone ? `un${value}` : value, [id]);
		} else if (bound) act(this, "read", this.rows.unread(bound), bound);
		else act(this, value, this.#selected);
	}

	#click({ target, button }) {
		const opened = target.closest("a[href]")?.closest("li:not([data-read])");
		if (opened && button < 2) act(this, "read", [idOf(opened)]);
		if (target.closest(".notification-retry")) this.refresh();
		if (!target.closest(".notification-fresh")) return;
		this.scrollIntoView();
		this.draw();
		this.items[0].focus({ preventScroll: true });
	}
}

customElements.define("notification-list", List);
setInterval(() => showTimes(document), 30_000);
