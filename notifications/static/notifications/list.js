/** <notification-list>: centre or panel, kept right by the stream. */

import { act, isLoggedOut } from "./act.js";
import { ask, find, LiveElement, offerLogin, post, set } from "./element.js";
import { idOf, render, rowOf } from "./item.js";
import { press } from "./keys.js";
import { Rows } from "./rows.js";
import { isBehind, isSameEpoch, parse } from "./store.js";
import { counted, showTime } from "./words.js";

const MOST = 200; // items in the document
const STEP = 50; // they move by
const boxOf = (element) => element.getBoundingClientRect();
const showTimes = (root) => root.querySelectorAll(".notification-item__time").forEach(showTime);

function isInSight(element) {
	const { top, bottom } = boxOf(element);
	return bottom > 0 && top < innerHeight;
}

class List extends LiveElement {
	isPage = this.dataset.part === "list";
	#list = find(this, "list");
	#ids = [];
	#start = 0; // in the document
	#height = 100; // px of an item
	#seen; // the newest that was in view
	#bound = this.dataset.position; // up to which the reader has seen all that belongs here
	#isCertain = true; // nothing here waits to be fetched anew, so a bound can be drawn
	#selected = new Set(); // ids, also of items that are not in the document
	#isAllSelected = false; // and what the page does not know besides
	#isStale = false; // a fetch has failed, so something is missing until another one succeeds
	#asked;

	begin() {
		this.on(this.store, "change", ({ detail }) => {
			this.rows.apply(detail);
			this.draw();
		});
		this.on(this.store, "reset", () => this.refresh());
		this.on(this.store, "line", () => this.#followLine());
		this.on(this, "submit", (event) => this.#submit(event));
		this.on(this, "click auxclick", (event) => this.#click(event));
		this.on(this, "change", ({ target }) => this.#change(target));
		this.on(document, "keydown", (event) => press(event, this));
		const move = () => (this.#findStart() === this.#start ? this.#look() : this.draw());
		this.on(window, "scroll resize", move, true); // panels, too
		this.rows = new Rows(this.dataset, this.items.map(rowOf));
		this.#seen = this.rows.ids[0];
		this.#selected = new Set(this.#checked.map(idOf));
		showTimes(this);
		this.#catchUp();
		this.#showSelection();
		this.draw();
		this.see();
	}

	/** Changes may have come first; and what something kept of a page may lack its head. */
	#catchUp() {
		const { position } = this.dataset;
		const isOther = !isSameEpoch(position, this.store.position);
		const isCut = find(this, "spacer").style.height > "0px";
		if (isOther) this.line.check(true); // the server says which of them is history
		if (isOther || isCut || isBehind(position, this.store.position)) this.refresh();
	}

	get items() {
		return [...this.#list.children];
	}

	get hasSelection() {
		return this.#selected.size > 0;
	}

	get #checked() {
		return this.items.filter((item) => item.querySelector("input:checked"));
	}

	select(ids) {
		this.#selected = new Set(ids);
		this.#isAllSelected = false;
		this.#showSelection();
	}

	say(what) {
		if (this.store.line === "over" && what !== "over") return; // the last word
		const { messageFailed } = this.dataset;
		const told = what || (this.#isStale ? "stale" : "");
		set(this, "status", { textContent: told && (this.getAttribute(`data-message-${told}`) ?? messageFailed) });
		set(this, "retry", { hidden: told !== "stale" });
		offerLogin(this, told === "over");
	}

	see() {
		if (this.store.unseen) post(this, this.dataset.seenUrl);
		this.#look();
	}

	refresh() {
		this.#isStale = false;
		this.say("");
		this.rows.doubt();
		this.#isCertain = false;
		return this.#fetch(this.dataset.before || Number.MAX_SAFE_INTEGER, this.items.at(-1)?.dataset.id, true);
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
		if (this.hasSelection) this.#keepSelection();
		this.tell();
		this.#look();
	}

	#findStart() {
		const item = this.items.find(isInSight);
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
		set(this, "fresh", { textContent: counted(this.dataset.fresh, fresh) });
		if (!fresh && this.#isCertain) this.#bound = this.store.position;
		set(this, "bound", { value: this.#bound });
		if (this.hasSelection) this.#nameSelection();
		if (next && this.isPage && !this.#isStale && bottom < 2 * innerHeight) this.#fetch(next);
	}

	async #fetch(before, last, isWhole) {
		const asked = this.#get(before, last);
		this.#asked = asked;
		this.ariaBusy = "true";
		const page = await asked.catch(console.warn);
		if (asked !== this.#asked) return; // a reset has come in between
		this.ariaBusy = null;
		this.#isStale = !page;
		if (!page) return this.say("stale");
		this.rows.add(page.items, before, page.next, page.modseq);
		if (isWhole) this.#isCertain = true;
		this.draw();
	}

	async #get(before, last) {
		const response = await ask(this, `${this.dataset.rowsUrl}&before=${before}`);
		if (await isLoggedOut(response)) this.store.setLine("over");
		const { items, next, ...counts } = await response.json();
		const { epoch, modseq } = parse(counts.position);
		if (epoch !== this.store.epoch) throw new Error(`the list is of epoch ${epoch}, the page of ${this.store.epoch}`);
		this.store.report(counts);
		if (!(next > last)) return { items, next: next ?? 0, modseq };
		const rest = await this.#get(next, last);
		return { ...rest, modseq, items: [...items, ...rest.items] };
	}

	tell() {
		const { store } = this;
		this.dataset.line = store.line;
		set(this, "tabs__count", { textContent: counted("{count}", store.unread) });
		set(this, "centre__read-all", { disabled: !store.unread });
	}

	/** What went wrong is told no longer once the line is back; whose session is over sees nothing more. */
	#followLine() {
		const { line } = this.store;
		if (line === "live" && this.#isStale) this.refresh();
		else if (line === "live") this.say("");
		if (line !== "over") return;
		this.#asked = undefined;
		this.ariaBusy = null;
		this.rows = new Rows({ tab: this.dataset.tab });
		this.say("over");
		this.draw();
	}

	// --- what is selected

	/** What has left the list is selected no longer. */
	#keepSelection() {
		const ids = new Set(this.#ids);
		for (const id of this.#selected) if (!ids.has(id)) this.#selected.delete(id);
		this.#showSelection();
	}

	#showSelection() {
		for (const item of this.items) {
			const box = item.querySelector("input");
			if (box) box.checked = this.#selected.has(idOf(item));
		}
		const { size } = this.#selected;
		const isEvery = size > 0 && size === this.#ids.length;
		this.toggleAttribute("data-selected", size > 0);
		set(this, "selection__all > input", { checked: size, indeterminate: size && !isEvery });
		set(this, "selection__rest", { hidden: !isEvery || !this.rows.next || this.#isAllSelected });
		this.#showActions();
		this.#nameSelection();
	}

	/** `u` reads what is unread, and only where nothing is makes it unread again. */
	#showActions() {
		const isAnyUnread = this.#isAllSelected || [...this.#selected].some((id) => !this.rows.get(id).isRead);
		for (const button of this.querySelectorAll(".notification-selection__actions > button")) {
			const isRead = button.value === "read";
			const isForU = isRead || button.value === "unread";
			if (isForU) button.toggleAttribute("aria-keyshortcuts", false);
			if (isForU && isRead === isAnyUnread) button.setAttribute("aria-keyshortcuts", "u");
			button.disabled = this.#isAllSelected && !["read", "archive"].includes(button.value); // undo could not hold it
		}
	}

	#nameSelection() {
		const { dataset } = this;
		const { size } = this.#selected;
		const inSight = this.#checked.filter(isInSight).length;
		const phrase = inSight < size ? dataset.selectedBeyond : dataset.selectedWords;
		let name = counted(phrase, size).replace("{hidden}", size - inSight) || dataset.selectAll;
		if (this.#isAllSelected) name = dataset.selectedAll;
		set(this, "selection__all > span", { textContent: name });
	}

	#change(target) {
		if (target.matches("select")) target.form.requestSubmit();
		const item = target.closest("li");
		if (target.closest(".notification-selection__all")) this.select(target.checked ? this.#ids : []);
		else if (item && target.checked) this.select([...this.#selected, idOf(item)]);
		else if (item) this.select([...this.#selected].filter((id) => id !== idOf(item)));
	}

	// --- what is done

	#submit(event) {
		const { target, submitter } = event;
		if (target.method !== "post") return;
		const { value } = submitter;
		const item = submitter.closest("li");
		event.preventDefault();
		if (item) {
			const { id, isRead, isArchived } = rowOf(item);
			const isDone = { read: isRead, archive: isArchived }[value];
			act(this, isDone ? `un${value}` : value, [id]);
		} else if (target.up_to) this.#readAll(target.up_to.value);
		else if (this.#isAllSelected) this.#actOnAll(value);
		else act(this, value, [...this.#selected]);
	}

	#readAll(bound) {
		const ids = this.rows.unread(parse(bound).modseq);
		act(this, "read", ids, { url: this.dataset.readAllUrl, fields: [["up_to", bound]], isWhole: true });
	}

	/** All that the list holds on the server, narrowed as it is, as far as its reader has seen it. */
	#actOnAll(action) {
		const { actUrl, tab, category, level } = this.dataset;
		const { modseq } = parse(this.#bound);
		const ids = this.#ids.filter((id) => this.rows.get(id).modseq <= modseq);
		const fields = Object.entries({ up_to: this.#bound, tab, category, level });
		act(this, action, ids, { url: actUrl, fields, isWhole: !category && !level });
	}

	#click({ target, button }) {
		const opened = target.closest("a[href]")?.closest("li:not([data-read])");
		if (opened && button < 2) act(this, "read", [idOf(opened)]);
		if (target.closest(".notification-retry")) this.refresh();
		if (target.closest(".notification-selection__rest")) {
			this.#isAllSelected = true;
			this.#showSelection();
		}
		if (!target.closest(".notification-fresh")) return;
		this.scrollIntoView();
		this.draw();
		this.items[0].focus({ preventScroll: true });
	}
}

customElements.define("notification-list", List);
setInterval(() => showTimes(document), 30_000);
