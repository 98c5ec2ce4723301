// @ts-check
/** What <notification-toasts> shows, says and signals of what has arrived. Loaded with the first of it. */

import "../shared_rows.js";

import { playSound, showOnDesktop, updateDesktop } from "../dom/alerts.js";
import { fillAvatar } from "../dom/avatar.js";
import { formatCount, pageLanguage } from "../dom/format.js";
import { addressOf } from "../dom/links.js";
import { isAlerting } from "../dom/looked_at.js";
import { findPart, setPart } from "../dom/parts.js";
import { readId, renderRows } from "../dom/templates.js";
import { Arrivals, collectIds, sumUp } from "../state/arrivals.js";
import { isSwitchedOn } from "../state/settings.js";

/** @import { Change, Item } from "../state/store.js" */
/** @import { LiveElement } from "./live_element.js" */

/**
 * What a toast shows: an item, or many of them, which have no id of their own.
 * @typedef {Pick<Item, "id" | "modseq" | "level" | "title" | "body" | "url" | "actor"> & {
 *   senders: string[], ids?: number[]}} ToastItem
 */

const SHOWN_MS = 8000;
const SHOWN_DELAY_MS = 100; // what comes together is shown together
const SHOWN_GAP_MS = 1000;
const SPOKEN_DELAY_MS = 1000;
const SPOKEN_GAP_MS = 5000;
const MOST_TOASTS = 3; // more become one
const MANY_ID = 0; // of the toast that stands for many
const MOST_READ = 500; // in one request: MAX_IDS in reading/actions.py
const MOST_NAMED = 3; // senders and categories, in a toast that stands for many

export class ToastStack {
  #owner;
  #arrivals;

  /** What is shown, oldest first. @type {number[]} */
  #ids = [];

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** Where the focus was before F6. @type {HTMLElement | null} */
  #focusedBefore = null;

  #show;
  #speak;

  /**
   * @param {LiveElement} owner
   * @param {number} newest the highest id that is not new
   */
  constructor(owner, newest) {
    this.#owner = owner;
    this.#arrivals = new Arrivals(newest);
    this.#show = collectIds(SHOWN_DELAY_MS, SHOWN_GAP_MS, (ids) => this.#add(ids));
    this.#speak = collectIds(SPOKEN_DELAY_MS, SPOKEN_GAP_MS, (ids) => this.#say(this.#arrivals.unreadItems(ids)));
    owner.listen(owner, "click auxclick", (/** @type {MouseEvent} */ event) => this.#click(event));
    owner.listen(owner, "pointerleave focusout", () => this.#wait());
    owner.listen(document, "keydown", (/** @type {KeyboardEvent} */ event) => this.#press(event));
  }

  /** @param {Change} change */
  receive(change) {
    const arrived = this.#arrivals.receive(change);
    this.#update();
    this.#show(arrived);
    this.#speak(arrived);
  }

  /**
   * Begin anew, where these are known.
   *
   * @param {Item[]} items
   */
  begin(items) {
    this.#arrivals = new Arrivals(Math.max(this.#arrivals.newest, ...items.map(({ id }) => id)));
    this.#update();
  }

  end() {
    clearTimeout(this.#timer);
    renderRows(this.#owner, this.#owner, []);
  }

  /** Whose session is over is told nothing more. */
  forget() {
    this.#arrivals = new Arrivals(Number.MAX_SAFE_INTEGER);
    this.#update();
    this.#keep([]);
  }

  /** A page may have a bell for each of two widths: the first one whose place is shown tells what arrives. */
  get #isTheOne() {
    const all = [...document.querySelectorAll(this.#owner.localName)];
    return this.#owner === (all.find(({ parentElement }) => parentElement?.checkVisibility?.() ?? true) ?? all[0]);
  }

  /** What was read or edited meanwhile is gone or changed. */
  #update() {
    this.#keep(this.#ids);
    updateDesktop(this.#arrivals, this.#alertOptions);
  }

  #markRead = (/** @type {number} */ id) => {
    const ids = id === MANY_ID ? this.#ids : [id];
    for (let start = 0; start < ids.length; start += MOST_READ) {
      const fields = ids
        .slice(start, start + MOST_READ)
        .map((each) => /** @type {[string, string]} */ (["id", `${each}`]));
      this.#owner.session.post(this.#owner.dataset.actionsUrl ?? "", [["action", "read"], ...fields]);
    }
  };

  get #alertOptions() {
    const { iconUrl, detailUrl } = this.#owner.dataset;
    return { icon: iconUrl, pattern: detailUrl, onOpen: this.#markRead };
  }

  /** @param {number[]} ids */
  #add(ids) {
    if (!this.#isTheOne) return;
    const count = this.#arrivals.unreadItems(ids).length;
    if (count) this.#owner.store.dispatchEvent(new CustomEvent("arrived", { detail: { count } }));
    if (!isSwitchedOn("toasts")) return;
    if (!this.#owner.matches(":focus-within")) this.#owner.togglePopover(false); // to come back on top
    this.#keep([...this.#ids, ...ids.filter((id) => !isShownInList(id))]);
    this.#wait();
  }

  /**
   * Show what of these is still unread.
   *
   * @param {number[]} ids
   */
  #keep(ids) {
    if (!this.#owner.isConnected) return; // where there can be no popover
    const hadFocus = this.#owner.matches(":focus-within");
    const items = this.#arrivals.unreadItems(ids);
    const shown = this.#summarize(items);
    this.#ids = items.map(({ id }) => id);
    const toasts = renderRows(
      this.#owner,
      this.#owner,
      shown.map((item) => ({ id: item.id, modseq: item.modseq, item })),
    );
    for (const [place, toast] of toasts.entries()) showSenders(toast, shown[place]);
    this.#owner.togglePopover(toasts.length > 0);
    const hasLostFocus = hadFocus && !this.#owner.matches(":focus-within");
    if (hasLostFocus)
      (findPart(this.#owner, "toast__close") ?? findPart(this.#owner, "toast button") ?? this.#focusedBefore)?.focus();
  }

  /**
   * @param {Item[]} items
   * @returns {ToastItem[]} these, or one that stands for them
   */
  #summarize(items) {
    if (items.length <= MOST_TOASTS) {
      const leadOn = (/** @type {Item} */ item) => addressOf(item, this.#owner.dataset.detailUrl);
      return items.map((item) => ({ ...item, url: leadOn(item), senders: item.actor ? [item.actor] : [] }));
    }
    const { labelMany = "", labelFailed = "", labelOthers = "", url = "" } = this.#owner.dataset;
    const { count, failed, sources } = sumUp(items);
    const named = sources.slice(0, MOST_NAMED);
    const others = sources.length - named.length;
    const names = named.map(
      (source) => `${source.name}${source.count > 1 ? ` (${formatCount("{count}", source.count)})` : ""}`,
    );
    const title = formatCount(failed ? labelFailed : labelMany, count).replace(
      "{failed}",
      formatCount("{count}", failed),
    );
    const body = new Intl.ListFormat(pageLanguage()).format(
      [...names, formatCount(labelOthers, others)].filter(Boolean),
    );
    const senders = named.filter(({ isSender }) => isSender).map(({ name }) => name);
    // Rises with whatever joins them or is edited; and it changes where some of them go.
    const modseq = Math.max(...items.map((item) => item.modseq)) + count / 10_000;
    const ids = items.map(({ id }) => id);
    return [{ id: MANY_ID, modseq, level: "info", title, body, url, actor: "", senders, ids }];
  }

  /** Take away what somebody could have read. An error stays. */
  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const isInUse = document.hidden || this.#owner.matches(":hover, :focus-within");
      if (isInUse) this.#wait();
      else this.#keep(this.#ids.filter((id) => this.#arrivals.getKnown(id).item?.level === "error"));
    }, SHOWN_MS);
  }

  /** @param {MouseEvent} event */
  #click({ target, button }) {
    const clicked = /** @type {Element} */ (target);
    const toast = /** @type {HTMLElement | null} */ (clicked.closest("article"));
    if (!toast) return;
    const id = readId(toast);
    const pressed = clicked.closest("button");
    const isOpening = button < 2 && clicked.closest("a[href]") && id !== MANY_ID;
    if (pressed?.value === "read" || isOpening) this.#markRead(id);
    if (pressed) this.#close(id);
  }

  /** @param {number} id */
  #close(id) {
    this.#keep(id === MANY_ID ? [] : this.#ids.filter((each) => each !== id));
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const isInside = this.#owner.contains(/** @type {Node} */ (event.target));
    if (event.key === "Escape" && isInside) this.#keep([]);
    if (event.key !== "F6" || !this.#ids.length || !isSwitchedOn("shortcuts")) return;
    event.preventDefault();
    if (isInside) {
      this.#focusedBefore?.focus();
    } else {
      this.#focusedBefore = /** @type {HTMLElement | null} */ (document.activeElement);
      this.#owner.focus();
    }
  }

  /** @param {Item[]} items */
  async #say(items) {
    if (!items.length || !this.#isTheOne) return;
    const { labelSpoken = "", labelSpokenMany = "", soundUrl = "" } = this.#owner.dataset;
    const text = describe(items.length > 1 ? labelSpokenMany : labelSpoken, items);
    const place =
      this.#owner.parentElement && findPart(this.#owner.parentElement, "voice") ? this.#owner.parentElement : document;
    if (!document.hidden) setPart(place, "voice", { textContent: text });
    if (!(await isAlerting(this.#owner.session.connection))) return;
    playSound(soundUrl);
    for (const item of this.#summarize(items)) showOnDesktop(item, this.#alertOptions);
  }
}

/**
 * @param {string} phrase with `{count}` or `{title}`
 * @param {Item[]} items
 */
function describe(phrase, items) {
  return formatCount(phrase, items.length).replace("{title}", () => items[0].title);
}

/**
 * Show who sent it: a face for each, and the name where the title does not begin with it.
 *
 * @param {HTMLElement} toast
 * @param {ToastItem} item
 */
function showSenders(toast, item) {
  const { title, body, url, actor, senders } = item;
  const [first, ...others] = /** @type {NodeListOf<HTMLElement>} */ (toast.querySelectorAll(".notification-avatar"));
  if (first && !actor) fillAvatar(first, { ...item, actor: senders[0] });
  for (const [place, avatar] of others.entries()) {
    const sender = senders[place + 1];
    fillAvatar(avatar, { actor: sender });
    avatar.hidden = !sender;
  }
  setPart(toast, "toast__sender", { hidden: !actor || title.includes(actor) });
  setPart(toast, "toast__body", { hidden: !body });
  const open = /** @type {HTMLAnchorElement | null} */ (findPart(toast, "toast__open"));
  if (open) {
    open.hidden = !url;
    open.href = url;
  }
  for (const control of toast.querySelectorAll(".notification-toast__open, button")) control.ariaDescription = title;
}

/** @param {number} id */
function isShownInList(id) {
  const box = findPart(document, `item[data-id="${id}"]`)?.getBoundingClientRect();
  return box !== undefined && box.height > 0 && box.top < innerHeight;
}
