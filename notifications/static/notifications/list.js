// @ts-check
/** <notification-list>: the centre, kept right by the stream; its buttons work without leaving the page. */

import { fill, make, mark, rowOf } from "./item.js";
import { live } from "./live.js";
import { isBehind } from "./position.js";
import { Rows } from "./rows.js";
import { showTime } from "./time.js";

/** @typedef {import("./store.js").Change} Change */

const MOST_ITEMS = 200; // what arrives while a page stays open must not grow it for ever
const STREAM_SECONDS = 2; // the stream brings a change in milliseconds; after this the list fetches it
const CLOCK_SECONDS = 30;

export class NotificationList extends HTMLElement {
  #life = new AbortController();
  #rows = new Rows({ tab: "all", before: null, hasMore: false, rows: [] });
  /** @type {Change[] | null} changes that came while the list was fetched anew */
  #held = null;
  #isStale = false;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    const { store } = live();
    const detail = (/** @type {Event} */ event) => /** @type {CustomEvent} */ (event).detail;
    store.addEventListener("change", (event) => this.#apply(detail(event)), { signal });
    store.addEventListener("reset", () => this.#renew(), { signal });
    store.addEventListener("counters", () => this.#count(), { signal });
    store.addEventListener("over", () => this.#say(this.dataset.messageRefused), { signal });
    this.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.addEventListener("click", (event) => this.#follow(event), { signal });
    this.addEventListener("auxclick", (event) => this.#follow(event), { signal });
    const clock = setInterval(() => document.hidden || this.#showTimes(), CLOCK_SECONDS * 1000);
    signal.addEventListener("abort", () => clearInterval(clock));
    this.#read();
  }

  disconnectedCallback() {
    this.#life.abort();
  }

  /** Take over what the server rendered. */
  #read() {
    const { tab = "all", before } = this.dataset;
    const rows = this.#items.map(rowOf);
    this.#rows = new Rows({ tab, before: before ? Number(before) : null, hasMore: !this.#older.hidden, rows });
    this.#count();
    this.#showTimes();
  }

  /** @param {Change} change */
  #apply(change) {
    if (this.#held) {
      this.#held.push(change);
      return;
    }
    const { show, hide } = this.#rows.apply(change);
    for (const { row, item } of show) {
      const element = this.#item(row.id) ?? this.#insert(row.id);
      if (item) fill(element, item, this.getAttribute(`data-level-${item.level}`) ?? "");
      mark(element, row);
    }
    for (const id of hide) this.#remove(id);
    this.#trim();
    if (this.#showsNewest) this.#seenUpTo.value = String(change.modseq);
    this.#empty.hidden = this.#rows.size > 0 || !this.#older.hidden;
    if (this.#rows.size === 0 && !this.#older.hidden) this.#renew(); // there are more to show
  }

  /** @param {number} id */
  #insert(id) {
    const element = make(/** @type {HTMLTemplateElement} */ (this.querySelector("template")), id);
    element.dataset.arrived = "";
    const next = this.#items.find((other) => rowOf(other).id < id);
    this.#list.insertBefore(element, next ?? null);
    return element;
  }

  /** @param {number} id */
  #remove(id) {
    const element = this.#item(id);
    if (!element) return;
    if (element.contains(document.activeElement)) {
      const neighbour = element.nextElementSibling ?? element.previousElementSibling;
      const focus = neighbour?.querySelector(`.${document.activeElement?.classList.item(1)}`) ?? this.#list;
      /** @type {HTMLElement} */ (focus).focus({ preventScroll: true });
    }
    element.remove();
  }

  #trim() {
    const left = this.#rows.trim(MOST_ITEMS);
    for (const id of left) this.#remove(id);
    const last = this.#items.at(-1);
    if (!left.length || !last) return;
    const address = new URL(this.#older.href);
    address.searchParams.set("before", String(rowOf(last).id));
    this.#older.href = address.href;
    this.#older.hidden = false;
  }

  /** Fetch the list anew: after a reset the changes in between are not known. */
  async #renew() {
    this.#isStale = true;
    if (this.#held) return;
    /** @type {Change[]} */
    let held = [];
    try {
      while (this.#isStale) {
        this.#isStale = false;
        held = this.#held = []; // what came before is in what is fetched now
        const response = await fetch(this.dataset.url ?? "", { headers: { Accept: "text/html" }, cache: "no-store" });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = /** @type {HTMLElement | null} */ (page.querySelector("notification-list"));
        if (fresh && fresh.dataset.owner !== this.dataset.owner) {
          location.reload(); // someone else has logged in meanwhile, and the whole page is theirs now
          return;
        }
        if (!fresh) throw new Error(`${response.status}: no list in ${response.url}`);
        this.replaceChildren(...fresh.childNodes);
        this.#read();
      }
    } catch (error) {
      console.warn("notifications:", error);
      this.#say(this.dataset.messageStale);
    }
    this.#held = null;
    for (const change of held) this.#apply(change); // rows that are newer already stay as they are
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (!button) return;
    event.preventDefault();
    this.#post(button);
  }

  /** Mark as read what is opened by its link. The browser does the opening. @param {MouseEvent} event */
  #follow(event) {
    const link = /** @type {Element} */ (event.target).closest("a.notification-item__link[href]");
    const button = link?.closest("li:not([data-read])")?.querySelector("button");
    if (button && event.button < 2) this.#post(button);
  }

  /** @param {HTMLButtonElement} button */
  async #post(button) {
    const busy = button.closest("li") ?? button;
    if (busy.ariaBusy === "true" || !button.form) return;
    busy.ariaBusy = "true";
    this.#say("");
    const body = new URLSearchParams(/** @type {any} */ (new FormData(button.form)));
    try {
      const response = await fetch(button.formAction, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        keepalive: true,
      });
      if (response.ok) this.#expect(await response.json());
      else this.#refused(response.status);
    } catch (error) {
      console.warn("notifications:", error);
      this.#say(this.dataset.messageFailed);
    } finally {
      busy.ariaBusy = null;
    }
  }

  /** Show what an action led to, should the stream not bring it. @param {{position: string, unread: number}} answer */
  #expect(answer) {
    const { store, share } = live();
    store.report(answer);
    setTimeout(() => {
      if (!isBehind(store.position, answer.position)) return;
      this.#renew();
      share.check();
    }, STREAM_SECONDS * 1000);
  }

  /** @param {number} status */
  #refused(status) {
    const { messageGone, messageRefused, messageFailed } = this.dataset;
    this.#say(status === 404 ? messageGone : status === 403 ? messageRefused : messageFailed);
    if (status === 404) this.#renew();
  }

  #count() {
    const { unread } = live().store;
    const count = /** @type {HTMLElement} */ (this.querySelector(".notification-tabs__count"));
    count.textContent = String(unread);
    count.hidden = unread === 0;
    /** @type {HTMLButtonElement} */ (this.querySelector(".notification-centre__read-all")).disabled = unread === 0;
  }

  #showTimes() {
    for (const time of this.querySelectorAll("time")) showTime(time);
  }

  /** @param {string | undefined} text */
  #say(text) {
    /** @type {HTMLElement} */ (this.querySelector("[role=status]")).textContent = text ?? "";
  }

  get #showsNewest() {
    return this.dataset.tab !== "archived" && !this.dataset.before;
  }

  get #seenUpTo() {
    return /** @type {HTMLInputElement} */ (this.querySelector("[name=up_to]"));
  }

  get #list() {
    return /** @type {HTMLElement} */ (this.querySelector(".notification-list"));
  }

  get #items() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }

  get #empty() {
    return /** @type {HTMLElement} */ (this.querySelector(".notification-empty"));
  }

  get #older() {
    return /** @type {HTMLAnchorElement} */ (this.querySelector(".notification-pages__older"));
  }

  /** @param {number} id */
  #item(id) {
    return /** @type {HTMLElement | null} */ (this.#list.querySelector(`[data-id="${id}"]`));
  }
}
