// @ts-check
/** <notification-list>: the centre, or what the bell opens, kept right by the stream. */

import { Actions } from "./act.js";
import { counted } from "./count.js";
import { find, rowOf, show } from "./item.js";
import { press } from "./keys.js";
import { live } from "./live.js";
import { Rows } from "./rows.js";
import { languageOf, showTime } from "./time.js";

const MOST = 200; // items in the document, of however many are known
const ABOVE = 80; // of these, above the view
const MARGIN = 1000; // px: an end of the items that is nearer to the view wants more of them
const top = (element) => element.getBoundingClientRect().top;

export class NotificationList extends HTMLElement {
	rows;
	actions = new Actions(this);
	#life;
	#elements = new Map();
	#start = 0; // which of the known ids is the first in the document
	#height = 100; // px of an item, on average
	#fresh = 0; // how many arrived above the view
	#held; // changes that came while something was fetched
	#isStale = false;
	#observer = new IntersectionObserver(() => this.#slide(), { rootMargin: `${MARGIN}px` });

	connectedCallback() {
		const { store } = live();
		const { before, next, position, unread, unseen, ...page } = this.dataset;
		this.#life = new AbortController();
		const on = (target, names, react) => {
			for (const name of names.split(" ")) target.addEventListener(name, react, this.#life);
		};
		on(store, "change", ({ detail }) => this.#apply(detail));
		on(store, "reset", () => this.load());
		on(store, "counters line", () => this.#showCounts());
		on(store, "over", () => this.say("refused"));
		on(this, "submit", (event) => this.#submit(event));
		on(this, "click auxclick", (event) => this.#click(event));
		on(this, "change", ({ target }) => this.#choose(target));
		on(document, "keydown", (event) => press(event, this));
		on(document, "scroll", () => this.#fresh && top(this.#list) >= 0 && this.#look());
		store.report({ position, unread: Number(unread), unseen: Number(unseen) });
		this.#elements = new Map(this.items.map((item) => [rowOf(item).id, item]));
		this.rows = new Rows({ ...page, before: Number(before), next: Number(next), rows: this.items.map(rowOf) });
		for (const time of this.querySelectorAll("time")) showTime(time);
		this.#showCounts();
		this.draw();
		this.see();
	}

	disconnectedCallback() {
		this.#life.abort();
		this.#observer.disconnect();
	}

	get isPage() {
		return this.dataset.part === "list";
	}

	get items() {
		return [...this.#list.children];
	}

	/** Show what is known. The browser holds what is read in its place (scroll anchoring). */
	draw() {
		const { ids } = this.rows;
		this.#start = Math.max(0, Math.min(this.#start, ids.length - MOST));
		const shown = ids.slice(this.#start, this.#start + MOST);
		const focus = document.activeElement;
		const left = focus?.closest("li");
		const items = shown.map((id) => show(this, this.rows.get(id), this.#elements.get(id)));
		for (const item of this.items.filter((each) => !items.includes(each))) {
			const { id } = rowOf(item);
			if (this.rows.get(id)?.item) this.#elements.delete(id); // made again when it is wanted
			item.remove();
		}
		for (const [index, item] of items.entries()) {
			this.#elements.set(shown[index], item);
			const there = this.#list.children[index];
			if (there !== item) this.#list.insertBefore(item, there ?? null);
		}
		if (!this.#start) this.#height = this.#list.offsetHeight / shown.length || this.#height;
		const [above, below] = this.querySelectorAll(".notification-spacer");
		above.style.height = `${this.#start * this.#height}px`;
		below.style.height = `${(ids.length - this.#start - shown.length) * this.#height}px`;
		if (left && !left.isConnected) this.#focus(shown.find((id) => id < left.dataset.id) ?? shown.at(-1), focus);
		this.toggleAttribute("data-empty", !shown.length && this.#older?.hidden !== false);
		this.actions.showSelection();
		this.#observer.disconnect(); // observing anew asks anew whether there have to be more
		for (const end of [above, below, this.#older]) if (end) this.#observer.observe(end);
	}

	/** Put another list in the place of this one, or this one anew: after a reset what was missed is not known. */
	async load(url = this.dataset.url) {
		this.#isStale = true;
		if (this.#held) return;
		await this.#hold(async () => {
			this.#isStale = false;
			const response = await this.#fetch(url, this.dataset.part);
			const page = new DOMParser().parseFromString(await response.text(), "text/html");
			const fresh = page.querySelector("notification-list");
			if (!fresh) throw new Error(`${response.status}: no list in ${response.url}`);
			if (fresh.dataset.owner !== this.dataset.owner) location.reload(); // someone else has logged in meanwhile
			const focus = this.contains(document.activeElement) && document.activeElement;
			find(fresh, "undo").replaceWith(find(this, "undo"));
			this.replaceWith(fresh);
			fresh.actions = Object.assign(this.actions, { list: fresh });
			fresh.takeOver(this.#held, focus);
			if (this.#isStale) fresh.load();
			this.#held = [];
		});
	}

	/** Apply what came while this list was fetched, and take the focus from the one before. */
	takeOver(changes, focus) {
		for (const change of changes) this.#apply(change); // rows that are newer already stay as they are
		const link = focus && this.querySelector(`[href="${focus.getAttribute("href")}"]`);
		if (link) link.focus();
		else if (focus) this.#focus(Number(focus.closest("li")?.dataset.id), focus);
	}

	post(url, fields) {
		const csrf = ["csrfmiddlewaretoken", this.querySelector("[name=csrfmiddlewaretoken]").value];
		const body = new URLSearchParams([csrf, ...fields]);
		const keepalive = String(body).length < 60_000; // sent also when the page is left; browsers refuse more
		return fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, keepalive });
	}

	/** Tell the reader what went wrong, or nothing. */
	say(what) {
		find(this, "status").textContent = this.getAttribute(`data-message-${what}`);
		find(this, "retry").hidden = what !== "stale";
	}

	/** Note that the reader has looked at what is new. */
	see() {
		if (live().store.unseen) this.post(this.dataset.seenUrl, []).catch(() => {}); // the next look tells it too
		this.#look();
	}

	/** Fetch; what the stream tells meanwhile is applied afterwards. */
	async #hold(fetching) {
		this.#held = [];
		this.ariaBusy = "true";
		try {
			await fetching();
			if (!find(this, "retry").hidden) this.say("");
		} catch (error) {
			console.warn("notifications:", error);
			this.say("stale");
		}
		const held = this.#held;
		this.#held = undefined;
		this.ariaBusy = null;
		for (const change of held) this.#apply(change);
	}

	#fetch(url, part) {
		const address = new URL(url, location.href);
		address.searchParams.set("part", part);
		return fetch(address, { cache: "no-store" });
	}

	#more() {
		const older = this.#older;
		if (older?.hidden !== false || this.#held) return;
		this.#hold(async () => {
			const { items, next } = await (await this.#fetch(older.href, "rows")).json();
			this.rows.add(items, next ?? 0);
			older.hidden = !next;
			older.search = older.search.replace(/before=\d+/, `before=${next}`);
			this.draw();
			if (this.#isStale) setTimeout(() => this.load());
		});
	}

	#apply(change) {
		if (this.#held) {
			this.#held.push(change);
			return;
		}
		const [newest = 0] = this.rows.ids;
		this.rows.apply(change);
		this.draw();
		const arrived = this.rows.ids.filter((id) => id > newest);
		this.#fresh += arrived.filter((id) => this.#start || top(this.#elements.get(id)) < 0).length;
		this.#showFresh();
	}

	/** Show other items where the reader has come near the end of those in the document. */
	#slide() {
		if (!this.offsetHeight) return; // the panel is closed
		const { top: start, bottom } = this.#list.getBoundingClientRect();
		const isNearEnd = bottom < innerHeight + MARGIN;
		if ((this.#start && start > -MARGIN) || (isNearEnd && this.#start + MOST < this.rows.ids.length)) {
			const was = this.#start;
			const passed = was + this.items.filter((item) => top(item) < 0).length;
			const jumped = Math.floor(-top(find(this, "spacer")) / this.#height); // nothing is in view
			this.#start = Math.max(0, (bottom > 0 && start < innerHeight ? passed : jumped) - ABOVE);
			if (this.#start !== was) this.draw();
		} else if (isNearEnd) this.#more();
	}

	#look() {
		this.#fresh = 0;
		this.#showFresh();
	}

	/** Say how many arrived above the view; "mark all as read" does not reach those. */
	#showFresh() {
		const [button, upTo] = [find(this, "fresh"), this.querySelector("[name=up_to]")];
		button.hidden = !this.#fresh;
		button.textContent = counted(button.dataset.some, this.#fresh, languageOf(this));
		const isSeen = this.offsetHeight && this.dataset.tab !== "archived" && !this.dataset.before && !this.#fresh;
		if (upTo && isSeen) upTo.value = Math.max(upTo.value, live().store.modseq);
	}

	#submit(event) {
		const { target: form, submitter } = event;
		const item = submitter?.closest("li");
		if (!form.matches(".notification-form, .notification-read-all")) return;
		event.preventDefault();
		if (item) {
			const { id, isRead, isArchived } = rowOf(item);
			const isDone = { read: isRead, archive: isArchived }[submitter.value];
			this.actions.act((isDone ? "un" : "") + submitter.value, [id]);
		} else if (submitter?.name) this.actions.act(submitter.value, this.actions.selected);
		else this.actions.readAll(form);
	}

	#click(event) {
		const target = event.target.closest("a, button");
		const is = (name) => target?.matches(`.notification-${name}`);
		const item = target?.closest("li:not([data-read])");
		if (is("item__link[href]") && item && event.button < 2) this.actions.act("read", [rowOf(item).id]);
		const isHere = is("pages__older") || (is("tabs__tab") && !this.isPage);
		if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
		if (isHere) event.preventDefault();
		if (is("pages__older")) this.#more();
		else if (isHere) this.load(target.href);
		else if (is("retry")) this.load();
		else if (is("undo__button")) this.actions.undo();
		else if (is("fresh")) {
			this.#start = 0;
			this.draw();
			this.scrollIntoView();
			this.items[0].focus({ preventScroll: true });
			this.#look();
		}
	}

	#choose(field) {
		if (field.matches("select.notification-filters__field")) field.form.requestSubmit();
		if (field.matches(".notification-selection__all *")) this.actions.selectAll(field.checked);
		this.actions.showSelection();
	}

	/** Give the focus to the same place in another item, or to the list. */
	#focus(id, was) {
		const item = this.#elements.get(id) ?? this.#list;
		const name = was.classList.item(1);
		((name && item.querySelector(`.${name}`)) || item).focus({ preventScroll: true });
	}

	#showCounts() {
		const { unread, line } = live().store;
		const [count, button] = [find(this, "tabs__count"), find(this, "centre__read-all")];
		count.textContent = counted("{count}", unread, languageOf(this));
		count.hidden = !unread;
		if (button) button.disabled = !unread;
		this.dataset.line = line;
	}

	get #list() {
		return find(this, "list");
	}

	get #older() {
		return find(this, "pages__older");
	}
}
