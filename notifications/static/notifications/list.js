/** <notification-list>: the centre, or what the bell opens, kept right by the stream. */

import { Actions } from "./act.js";
import { find, isPlain, NotificationElement, post } from "./element.js";
import { rowOf, show } from "./item.js";
import { press } from "./keys.js";
import { live } from "./live.js";
import { Rows } from "./rows.js";
import { parse } from "./store.js";
import { counted, showTime } from "./words.js";

const MOST = 200; // items in the document, of however many are known
const ABOVE = 80; // of these, above the view; 40 more or less do not matter
const MARGIN = 1000; // px: an end of the items that is nearer to the view wants more of them
const top = (element) => element.getBoundingClientRect().top;

export class NotificationList extends NotificationElement {
	rows;
	actions = new Actions(this);
	#start = 0; // which of the known ids is the first in the document
	#height = 100; // px of an item, on average
	#newest = 0;
	#fresh = 0; // how many arrived above the view
	#isStale = false;
	#observer = new IntersectionObserver(() => this.#slide(), { rootMargin: `${MARGIN}px` });

	begin() {
		const { store } = live();
		this.on(store, "change", ({ detail }) => {
			this.rows.apply(detail);
			this.draw();
		});
		this.on(store, "reset", ({ detail }) => this.#reset(detail));
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
		store.report(this.dataset);
		this.rows = new Rows(this.dataset, this.items.map(rowOf));
		this.#newest = this.rows.ids[0] ?? 0;
		for (const time of this.querySelectorAll("time")) showTime(time);
		this.#showCounts();
		this.draw();
		this.see();
	}

	disconnectedCallback() {
		super.disconnectedCallback();
		this.#observer.disconnect();
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

	/** Show what is known. The browser holds what is read in its place (scroll anchoring). */
	draw() {
		const { ids } = this.rows;
		const list = this.#list;
		const old = new Map(this.items.map((item) => [Number(item.dataset.id), item]));
		const focus = document.activeElement;
		const left = focus.closest("li");
		this.#start = this.#startOf(ids);
		const shown = ids.slice(this.#start, this.#start + MOST);
		const items = shown.map((id) => show(this, this.rows.get(id), old.get(id)));
		for (const item of old.values()) if (!items.includes(item)) item.remove();
		for (const [index, item] of items.entries())
			if (list.children[index] !== item) list.insertBefore(item, list.children[index]);
		if (left && !left.isConnected) {
			const next = items[shown.findIndex((id) => id < left.dataset.id)] ?? items.at(-1) ?? list;
			(next.querySelector(`.${focus.classList[1]}`) ?? next).focus({ preventScroll: true });
		}
		if (!this.#start) this.#height = list.offsetHeight / items.length || this.#height;
		const [above, below] = this.querySelectorAll(".notification-spacer");
		above.style.height = `${this.#start * this.#height}px`;
		below.style.height = `${(ids.length - this.#start - items.length) * this.#height}px`;
		const older = find(this, "pages__older");
		if (older) {
			older.hidden = !this.rows.next;
			older.search = older.search.replace(/before=\d+/, `before=${this.rows.next}`);
		}
		this.toggleAttribute("data-empty", !items.length && !this.rows.next);
		this.#fresh += ids.filter((id, index) => id > this.#newest && (this.#start || top(items[index]) < 0)).length;
		this.#newest = Math.max(this.#newest, ids[0] ?? 0);
		this.#showFresh();
		this.#showSelection();
		this.#observer.disconnect(); // observing anew asks anew whether there have to be more
		for (const end of [above, below]) this.#observer.observe(end);
	}

	/** Fetch anew what is known, down to the last item in the document; what is below is fetched when it is wanted. */
	async refresh() {
		this.rows.doubt();
		this.#isStale = !!this.ariaBusy;
		if (!this.#isStale)
			await this.#fetch(this.dataset.before || Number.MAX_SAFE_INTEGER, this.items.at(-1)?.dataset.id);
	}

	/** Tell the reader what went wrong, or nothing. */
	say(what) {
		find(this, "status").textContent = this.getAttribute(`data-message-${what}`);
		find(this, "retry").hidden = what !== "stale";
	}

	/** Note that the reader has looked at what is new. */
	see() {
		if (live().store.unseen) post(this.dataset.seenUrl).catch(() => {}); // the next look tells it too
		this.#look();
	}

	select(isSelected) {
		for (const box of this.querySelectorAll("li input")) box.checked = isSelected;
	}

	get #selected() {
		return [...this.querySelectorAll("li :checked")].map((box) => box.closest("li").dataset.id);
	}

	#showSelection() {
		const [box, label] = find(this, "selection__all")?.children ?? [];
		if (!box) return;
		const { length } = this.#selected;
		box.checked = length > 0;
		box.indeterminate = length > 0 && length < this.items.length;
		label.textContent = length ? counted(label.dataset.some, length) : label.dataset.none;
	}

	/** What was missed is not known. The inbox of another epoch may be that of somebody else, who has logged in. */
	#reset({ isOther }) {
		if (!isOther) this.refresh();
		else if (this.isPage) location.reload();
		else {
			this.parentElement.hidePopover();
			this.remove();
		}
	}

	/** Fetch what is older than `before`, at least down to `last`. */
	async #fetch(before, last = before) {
		const items = [];
		const url = new URL(this.dataset.url, location.href);
		let next = before;
		let asOf = Infinity;
		url.searchParams.set("part", "rows");
		this.ariaBusy = "true";
		try {
			do {
				url.searchParams.set("before", next);
				const page = await (await fetch(url, { cache: "no-store" })).json();
				const { epoch, modseq } = parse(page.position);
				if (epoch !== live().store.epoch) throw new Error(`position ${page.position} is of another inbox`);
				items.push(...page.items);
				next = page.next ?? 0;
				asOf = Math.min(asOf, modseq);
			} while (next > last);
			this.rows.add(items, before, next, asOf);
			if (!find(this, "retry").hidden) this.say("");
		} catch (error) {
			console.warn("notifications:", error);
			this.say("stale");
		}
		this.ariaBusy = null;
		if (this.#isStale) await this.refresh();
		else this.draw();
	}

	#more() {
		if (this.isPage && this.rows.next && !this.ariaBusy) this.#fetch(this.rows.next);
	}

	/** Return which of the ids is to be the first in the document, for what is in view. */
	#startOf(ids) {
		const item = this.items.find((each) => each.getBoundingClientRect().bottom > 0);
		const isInView = item && top(item) < innerHeight;
		const passed = isInView
			? ids.findIndex((id) => id <= item.dataset.id)
			: Math.floor(-top(find(this, "spacer")) / this.#height);
		const isNear = isInView && Math.abs(passed - this.#start - ABOVE) < ABOVE / 2;
		return Math.max(0, Math.min(isNear ? this.#start : passed - ABOVE, ids.length - MOST));
	}

	/** Show other items where the reader has come near the end of those in the document. */
	#slide() {
		if (!this.offsetHeight) return; // the panel is closed
		if (this.#startOf(this.rows.ids) !== this.#start) this.draw();
		else if (this.#list.getBoundingClientRect().bottom < innerHeight + MARGIN) this.#more();
	}

	#look() {
		this.#fresh = 0;
		this.#showFresh();
	}

	/** Say how many arrived above the view; "mark all as read" does not reach those. */
	#showFresh() {
		const [button, upTo] = [find(this, "fresh"), this.querySelector("[name=up_to]")];
		button.hidden = !this.#fresh;
		button.textContent = counted(button.dataset.some, this.#fresh);
		const isSeen = this.offsetHeight && this.dataset.tab !== "archived" && !this.dataset.before && !this.#fresh;
		if (upTo && isSeen) upTo.value = Math.max(upTo.value, live().store.modseq);
	}

	#submit(event) {
		const { target, submitter } = event;
		const { name, value } = submitter ?? {};
		const item = submitter?.closest("li");
		if (target.method !== "post") return;
		event.preventDefault();
		if (item) {
			const { id, isRead, isArchived } = rowOf(item);
			this.actions.act(({ read: isRead, archive: isArchived }[value] ? "un" : "") + value, [id]);
		} else if (name) this.actions.act(value, this.#selected.map(Number));
		else {
			const { action, up_to: upTo } = target;
			this.actions.act("read", this.rows.unread(upTo.value), action, [["up_to", upTo.value]]);
		}
	}

	#click(event) {
		const target = event.target.closest("a, button");
		const is = (name) => target?.matches(`.notification-${name}`);
		const item = target?.closest("li:not([data-read])");
		if (is("item__link[href]") && item && event.button < 2) this.actions.act("read", [rowOf(item).id]);
		if (!isPlain(event)) return;
		if (is("pages__older")) event.preventDefault();
		if (is("pages__older")) this.#more();
		else if (is("retry")) this.refresh();
		else if (is("undo__button")) this.actions.undo();
		else if (is("fresh")) {
			this.scrollIntoView();
			this.draw();
			this.items[0].focus({ preventScroll: true });
			this.#look();
		}
	}

	#showCounts() {
		const { unread, line } = live().store;
		const [count, button] = [find(this, "tabs__count"), find(this, "centre__read-all")];
		count.textContent = counted("{count}", unread);
		count.hidden = !unread;
		if (button) button.disabled = !unread;
		this.dataset.line = line;
	}
}
