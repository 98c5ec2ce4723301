// @ts-check
/** <notification-list>: centre or panel, kept right by the stream. */

import { isLoggedOut } from "../connection/http.js";
import { renderDays } from "../dom/days.js";
import { formatCount, showTime } from "../dom/format.js";
import { showLogin } from "../dom/links.js";
import { findPart, needPart, setPart } from "../dom/parts.js";
import { pressShortcut, showKeys } from "../dom/shortcuts.js";
import { readId, readItems, readRow, renderRows } from "../dom/templates.js";
import { isInView } from "../dom/view.js";
import { countNewer, ListState } from "../state/list_state.js";
import { isBehind, isSameEpoch, parsePosition } from "../state/position.js";
import { LiveElement } from "./live_element.js";
import { Preview } from "./preview.js";
import { findNear, Roving } from "./roving.js";
import { narrowAddress, SearchForm, showNarrowing } from "./search_form.js";
import { Selection } from "./selection.js";
import { UndoBar } from "./undo_bar.js";

/** @import { ActionName, Scope } from "../connection/actions.js" */
/** @import { Place } from "../dom/shortcuts.js" */
/** @import { Narrowing } from "./search_form.js" */
/** @import { Row } from "../state/list_state.js" */
/** @import { Item } from "../state/store.js" */

/**
 * Items as the server tells them, `next` of what is further down, as of when, and what is wrong with what was looked for.
 * @typedef {{items: Item[], next: number, modseq: number, problem?: string}} FetchedPage
 */

const MOST_ITEMS = 200; // in the document
const MOST_TITLE_CHARS = 60; // of what is said to be done
const STEP_ITEMS = 50; // they move by
const RETURN_MS = 5000; // what takes longer to come back gets no focus any more
const TIMES_MS = 30_000; // between two updates of "5 minutes ago"
const NEWEST = Number.MAX_SAFE_INTEGER; // before it stand all ids

/** The server asks this reader to wait. */
class TooOften extends Error {
  /** @param {Response} response */
  constructor({ headers }) {
    super();
    this.waitMs = 1000 * (Number(headers.get("Retry-After")) || 1);
  }
}

export class NotificationList extends LiveElement {
  /** Whether it is a page of its own, and not the bell's panel. */
  isPage = this.dataset.part === "list";

  /** @type {ListState} */
  state = new ListState({});

  /** What belongs into the list, newest first. @type {number[]} */
  ids = [];

  #list = needPart(this, "list");

  /** @type {Selection | undefined} */
  #selection;

  /** @type {Roving | undefined} */
  #roving;

  /** @type {UndoBar | undefined} */
  #undoBar;

  /** What is to have the focus once it is back, until when, and what has it till then. */
  #returning = { ids: /** @type {number[]} */ ([]), untilMs: 0, from: /** @type {Element | null} */ (null) };

  /** @type {Preview | undefined} */
  #preview;

  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;

  /** How many of `ids` stand above those that are in the document. */
  #start = 0;

  /** Of an item, on average. */
  #heightPx = 100;

  /** The newest item that was in view. @type {number | undefined} */
  #newestInView;

  /** The position up to which the reader has seen all that belongs here. */
  #bound = this.dataset.position ?? "";

  /** Whether nothing here waits to be fetched anew, so that a bound can be drawn. */
  #isCertain = true;

  /** Whether a fetch has failed, so that something is missing until another one succeeds. */
  #isStale = false;

  /** What it is being narrowed to, until the server has told what that is. @type {{narrowing: Narrowing, state: ListState} | undefined} */
  #coming;

  /** Runs until the server may be asked again, where it has asked to wait. @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /** The latest fetch; what others bring comes too late. @type {Promise<FetchedPage> | undefined} */
  #fetching;

  begin() {
    this.#preview = new Preview(this); // it hears of a click first
    this.listen(this.store, "change", (/** @type {CustomEvent} */ { detail }) => {
      this.state.apply(detail);
      this.#coming?.state.apply(detail);
      this.draw();
    });
    this.listen(this.store, "reset", () => this.refresh());
    this.listen(this.store, "connection", () => this.#followConnection());
    this.listen(this, "mousedown keydown", (/** @type {MouseEvent} */ event) => this.#selection?.noteRange(event), {
      capture: true,
    });
    this.listen(this, "mousedown", (/** @type {MouseEvent} */ event) => {
      if (this.#isRangeClick(event)) event.preventDefault(); // it would select text
    });
    this.listen(this, "submit", (/** @type {SubmitEvent} */ event) => this.#submit(event));
    this.listen(this, "click auxclick", (/** @type {MouseEvent} */ event) => this.#click(event));
    this.listen(this, "change", ({ target }) => this.#change(/** @type {HTMLInputElement} */ (target)));
    this.listen(document, "keydown", (/** @type {KeyboardEvent} */ event) => pressShortcut(event, this));
    this.listen(window, "scroll resize", () => this.#move(), { capture: true }); // panels, too
    this.state = new ListState(this.dataset, this.items.map(readRow));
    this.#newestInView = this.state.ids[0];
    this.#selection = new Selection(this);
    this.#roving = new Roving(this);
    this.#undoBar = new UndoBar(this);
    new SearchForm(this);
    showKeys(this);
    this.#clock = setInterval(() => this.#showTimes(), TIMES_MS);
    this.#showTimes();
    this.#catchUp();
    this.#selection.show();
    this.draw();
    this.markSeen();
  }

  end() {
    clearInterval(this.#clock);
    clearTimeout(this.#pause);
  }

  /** Changes may have come first; and what something kept of a page may lack its head. */
  #catchUp() {
    const { position } = this.dataset;
    const isOtherEpoch = !isSameEpoch(position, this.store.position);
    const isCut = Number.parseFloat(needPart(this, "spacer").style.height) > 0;
    if (isOtherEpoch) this.session.connection.check({ isNetworkNew: true }); // the server says which of them is history
    if (isOtherEpoch || isCut || isBehind(position, this.store.position)) this.refresh();
  }

  /** What is in the document. */
  get items() {
    return readItems(this.#list);
  }

  get hasSelection() {
    return this.#selection !== undefined && this.#selection.size > 0;
  }

  clearSelection() {
    this.#selection?.replace([]);
  }

  selectAll() {
    if (findPart(this, "selection")) this.#selection?.selectAll(); // a panel has none
  }

  #showTimes() {
    for (const time of this.querySelectorAll(".notification-item__time")) {
      showTime(/** @type {HTMLTimeElement} */ (time));
    }
    renderDays(this, this.#list, this.items);
  }

  // --- What the list says

  /**
   * Show a message, or that the list is stale, or none.
   *
   * @param {string} name
   */
  showMessage(name) {
    if (this.store.connectionState === "over" && name !== "over") return; // the last word
    const shown = name || (this.#isStale ? "stale" : "");
    const text = shown && (this.getAttribute(`data-message-${shown}`) ?? this.dataset.messageFailed);
    const isTold = findPart(this, "status")?.textContent === text; // once, to who has it read out
    if (!isTold) setPart(this, "status", { textContent: text });
    setPart(this, "retry", { hidden: shown !== "stale" });
    showLogin(this, shown === "over");
  }

  showState() {
    const { connectionState, unread } = this.store;
    this.dataset.connection = connectionState;
    const count = formatCount("{count}", unread);
    setPart(this, "tabs__count", { textContent: count });
    setPart(this, "nav__count", { textContent: count });
    setPart(this, "centre__read-all", { disabled: unread === 0 });
  }

  /** What went wrong is told no longer once the connection is back; whose session is over sees nothing more. */
  #followConnection() {
    const { connectionState } = this.store;
    if (connectionState === "live" || connectionState === "polling") {
      if (this.#isStale) this.refresh();
      else this.showMessage("");
    }
    if (connectionState !== "over") return;
    this.#fetching = undefined;
    this.#coming = undefined;
    this.ariaBusy = null;
    this.state = new ListState({ tab: this.dataset.tab });
    this.showMessage("over");
    this.draw();
  }

  /** The reader looks at the list: what is unseen in the inbox is seen. */
  markSeen() {
    if (this.store.unseen) this.session.post(this.dataset.seenUrl ?? "");
    this.#lookAtView();
  }

  // --- What is in the document

  /**
   * Show the list as it is known. Scroll anchoring keeps what is read in its place.
   *
   * @param {{around?: number}} [options] an id, near which the list is to be shown instead of where it is scrolled to
   */
  draw({ around = undefined } = {}) {
    const focused = document.activeElement;
    const focusedItem = focused?.closest("li");
    this.ids = this.state.ids;
    this.#start = this.#findStart(around);
    const shown = this.ids.slice(this.#start, this.#start + MOST_ITEMS).map((id) => this.state.getKnown(id));
    const items = renderRows(this, this.#list, shown);
    renderDays(this, this.#list, items);
    this.#roving?.show(items);
    this.#preview?.mark();
    const hasLostFocus = focusedItem?.isConnected === false;
    if (hasLostFocus) this.#focusNear(focusedItem, focused, items);
    this.#focusReturned(items);
    this.#placeSpacer(items.length);
    setPart(this, "pages__older", { hidden: this.state.next === 0 });
    this.toggleAttribute("data-empty", items.length === 0 && this.state.next === 0);
    if (this.hasSelection) this.#selection?.dropMissing();
    this.showState();
    this.#lookAtView();
  }

  /**
   * Focus the same button in the item below one that has gone.
   *
   * @param {HTMLElement} gone
   * @param {Element | null} focused was in it
   * @param {HTMLElement[]} items
   */
  #focusNear(gone, focused, items) {
    const near = findNear(items, readId(gone)) ?? this.#list;
    near.focus({ preventScroll: true });
    if (!(focused instanceof HTMLButtonElement)) return;
    const button = /** @type {HTMLElement | null} */ (
      near.querySelector(`button[value="${CSS.escape(focused.value)}"]`)
    );
    button?.focus({ preventScroll: true });
  }

  /**
   * Focus what an undo has brought back, unless the reader has moved on since.
   *
   * @param {HTMLElement[]} items
   */
  #focusReturned(items) {
    const { ids, untilMs, from } = this.#returning;
    if (!ids.length) return;
    const isOver = performance.now() > untilMs || document.activeElement !== from;
    const row = isOver ? undefined : items.find((item) => ids.includes(readId(item)));
    row?.focus();
    if (isOver || row) this.#returning = { ids: [], untilMs: 0, from: null };
  }

  /** Focus the row where the reader was, or the one below it. */
  focusCurrent() {
    (findNear(this.items, this.#roving?.wanted) ?? this.#list).focus({ preventScroll: true });
  }

  /**
   * Take the room of what stands above the items in the document.
   *
   * @param {number} count of items
   */
  #placeSpacer(count) {
    if (this.#start === 0 && count > 0) this.#heightPx = this.#list.offsetHeight / count || this.#heightPx;
    needPart(this, "spacer").style.height = `${this.#start * this.#heightPx}px`;
  }

  /** @param {number} [around] an id */
  #findStart(around) {
    const first = this.items.find(isInView);
    const top = around ?? (first && readId(first));
    const spacer = needPart(this, "spacer");
    const passed = top ? this.#countNewer(top) : -spacer.getBoundingClientRect().top / this.#heightPx;
    const start = Math.floor(passed / STEP_ITEMS - 1) * STEP_ITEMS;
    return Math.max(0, Math.min(start, this.ids.length - MOST_ITEMS));
  }

  #move() {
    const isSame = this.#findStart() === this.#start;
    if (isSame) this.#lookAtView();
    else this.draw();
  }

  /** @param {number} id */
  #countNewer(id) {
    return countNewer(this.ids, id);
  }

  /** What arrived above the view is announced, and not reached by "mark all as read". */
  #lookAtView() {
    const isHidden = !this.offsetHeight;
    if (this.ariaBusy || isHidden) return;
    const { top, bottom } = this.#list.getBoundingClientRect();
    const isTopInView = this.#start === 0 && top >= 0;
    if (isTopInView) this.#newestInView = this.ids[0];
    const arrived = this.#newestInView === undefined ? 0 : this.#countNewer(this.#newestInView);
    setPart(this, "arrived", { textContent: formatCount(this.dataset.labelArrived ?? "", arrived) });
    if (arrived === 0 && this.#isCertain) this.#bound = this.store.position;
    setPart(this, "bound", { value: this.#bound });
    if (this.hasSelection) this.#selection?.showCount();
    const isEndNear = bottom < 2 * innerHeight;
    if (this.state.next && this.isPage && !this.#isStale && isEndNear) this.#fetch(this.state.next);
  }

  // --- What is fetched

  /** Fetch anew what the list shows, or is about to show. */
  refresh() {
    this.#isStale = false;
    if (!this.#pause) this.showMessage("");
    this.state.putInDoubt();
    this.#isCertain = false;
    if (this.#coming) return this.#fetchComing(this.#coming.narrowing);
    const last = this.items.at(-1);
    return this.#fetch(Number(this.dataset.before) || NEWEST, { last: last && readId(last), isWhole: true });
  }

  /**
   * @param {number} before an id
   * @param {{last?: number, isWhole?: boolean}} [options] `last`: the id up to which to fetch; `isWhole`: all that is shown
   */
  async #fetch(before, { last, isWhole = false } = {}) {
    const page = await this.#receive(this.#get(this.dataset.itemsUrl ?? "", before, last));
    if (!page) return;
    this.state.addPage(page.items, before, page.next, page.modseq);
    if (isWhole) this.#isCertain = true;
    this.draw();
  }

  /**
   * Show the list narrowed otherwise, once it is there; what is shown stays until then.
   *
   * @param {Narrowing} narrowing
   */
  narrow(narrowing) {
    const { category = "", level = "", q = "" } = this.dataset;
    const now = this.#coming?.narrowing ?? { category, level, q };
    if (JSON.stringify(now) === JSON.stringify(narrowing)) return undefined;
    const { pathname, search } = location;
    history.replaceState(history.state, "", narrowAddress(pathname + search, narrowing));
    return this.#fetchComing(narrowing);
  }

  /** @param {Narrowing} narrowing */
  async #fetchComing(narrowing) {
    const state = new ListState({ tab: this.dataset.tab, zone: this.dataset.zone, ...narrowing });
    this.#coming = { narrowing, state };
    const itemsUrl = narrowAddress(this.dataset.itemsUrl ?? "", narrowing);
    const page = await this.#receive(this.#get(itemsUrl, NEWEST));
    if (!page) return;
    this.#coming = undefined;
    state.addPage(page.items, NEWEST, page.next, page.modseq);
    Object.assign(this.dataset, { ...narrowing, itemsUrl, before: "" });
    this.state = state;
    this.#isCertain = true;
    this.#newestInView = state.ids[0];
    this.clearSelection();
    showNarrowing(this, narrowing);
    setPart(this, "filters__problem", { textContent: page.problem });
    this.showMessage("");
    this.draw();
    this.#sayFound(narrowing);
  }

  /** @param {Narrowing} narrowing */
  #sayFound({ category, level, q }) {
    const { labelFound = "", labelFoundSoFar = "", labelFoundNone = "" } = this.dataset;
    const phrase = this.state.next ? labelFoundSoFar : labelFound;
    const text = formatCount(phrase, this.ids.length) || labelFoundNone;
    setPart(this, "filters__found", { textContent: category || level || q ? text : "" });
  }

  /**
   * Wait for what is the latest fetch from now on.
   *
   * @param {Promise<FetchedPage>} fetching
   * @returns {Promise<FetchedPage | undefined>} nothing where it has failed, or another one is the latest meanwhile
   */
  async #receive(fetching) {
    this.#fetching = fetching;
    this.ariaBusy = "true";
    clearTimeout(this.#pause);
    const page = await fetching.catch((error) => {
      if (!(error instanceof TooOften)) console.warn(error);
      else if (fetching === this.#fetching) this.#pause = setTimeout(() => this.refresh(), error.waitMs);
      return error instanceof TooOften ? "429" : "stale";
    });
    if (fetching !== this.#fetching) return undefined; // a reset has come in between
    this.ariaBusy = null;
    this.#isStale = typeof page === "string";
    if (typeof page === "string") {
      this.showMessage(page);
      return undefined;
    }
    if (this.#pause) this.showMessage("");
    this.#pause = undefined;
    return page;
  }

  /**
   * @param {string} itemsUrl
   * @param {number} before
   * @param {number} [last]
   * @returns {Promise<FetchedPage>}
   */
  async #get(itemsUrl, before, last) {
    const response = await this.session.fetch(`${itemsUrl}&before=${before}`);
    if (await isLoggedOut(response)) this.store.setConnectionState("over");
    if (response.status === 429) throw new TooOften(response);
    const { items, next, problem, ...counters } = await response.json();
    const { epoch, modseq } = parsePosition(counters.position);
    if (epoch !== this.store.epoch) throw new Error(`the list is of epoch ${epoch}, the page of ${this.store.epoch}`);
    this.store.updateCounters(counters);
    if (!next) return { items, next: 0, modseq, problem };
    const isEnough = last === undefined || next <= last;
    if (isEnough) return { items, next, modseq, problem };
    const rest = await this.#get(itemsUrl, next, last);
    return { items: [...items, ...rest.items], next: rest.next, modseq };
  }

  // --- What is done

  /** @param {HTMLInputElement} target */
  #change(target) {
    if (target.matches("select")) target.form?.requestSubmit();
    const item = /** @type {HTMLElement | null} */ (target.closest("li"));
    if (target.closest(".notification-selection__all")) {
      if (target.checked) this.selectAll();
      else this.clearSelection();
    } else if (item) this.#selection?.set(readId(item), target.checked);
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    if (form.method !== "post") return;
    event.preventDefault();
    const action = /** @type {ActionName} */ (button.value);
    const item = /** @type {HTMLElement | null} */ (button.closest("li"));
    const bound = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("up_to"));
    if (item) this.#perform(toggleAction(action, readRow(item)), [readId(item)]);
    else if (bound) this.#readAll(bound.value);
    else this.#actOnSelection(action);
  }

  /** @param {ActionName} action */
  #actOnSelection(action) {
    const { isEverything = false, ids = [] } = this.#selection ?? {};
    const isByBar = findPart(this, "selection")?.contains(document.activeElement);
    this.clearSelection();
    if (isEverything) this.#actOnEverything(action);
    else this.#perform(action, ids);
    if (isByBar) this.focusCurrent(); // the button goes with the selection
  }

  /**
   * Do something to one notification, and offer undo for it.
   *
   * @param {ActionName} action
   * @param {number} id
   */
  act(action, id) {
    this.#perform(action, [id]);
  }

  /** @param {string} bound */
  #readAll(bound) {
    const ids = this.state.unreadIds(parsePosition(bound).modseq);
    this.#perform("read", ids, { url: this.dataset.readAllUrl ?? "", fields: [["up_to", bound]], isWholeInbox: true });
  }

  /** How many there are in all that the list holds on the server, as far as its reader has seen it. */
  async countEverything() {
    const url = new URL(this.dataset.itemsUrl ?? "", location.href);
    url.searchParams.set("part", "count");
    url.searchParams.set("up_to", this.#bound);
    const response = await this.session.fetch(`${url}`).catch(console.warn);
    const answer = response?.ok && (await response.json().catch(console.warn));
    return answer ? answer.count : undefined;
  }

  /**
   * Act on all that the list holds on the server, narrowed as it is, as far as its reader has seen it.
   *
   * @param {ActionName} action
   */
  #actOnEverything(action) {
    const { actionsUrl = "", tab = "", category = "", level = "" } = this.dataset;
    const { modseq } = parsePosition(this.#bound);
    const ids = this.ids.filter((id) => this.state.getKnown(id).modseq <= modseq);
    const fields = Object.entries({ up_to: this.#bound, tab, category, level });
    this.#perform(action, ids, { url: actionsUrl, fields, isWholeInbox: !category && !level });
  }

  /**
   * Act, and offer undo for it.
   *
   * @param {ActionName} action
   * @param {number[]} ids
   * @param {Scope} [scope]
   */
  #perform(action, ids, scope) {
    const { actions } = this.session;
    const title = ids.length === 1 && !scope ? this.#readTitle(ids[0]) : "";
    const one = (this.getAttribute(`data-done-${action}`) ?? "").replace("{title}", () => title);
    const many = this.getAttribute(`data-done-${action}-many`) ?? "";
    this.#undoBar?.offer({
      answers: actions.perform(this, action, ids, scope),
      describe: (changed) => (title ? one : formatCount(many, changed)),
      undo: (answers) => {
        this.#awaitReturn(ids);
        actions.undo(this, answers);
      },
    });
  }

  /**
   * How a row is called, in few words.
   *
   * @param {number} id
   */
  #readTitle(id) {
    const row = this.items.find((item) => readId(item) === id);
    const title = row && findPart(row, "item__link")?.textContent?.trim();
    return title && title.length > MOST_TITLE_CHARS ? `${title.slice(0, MOST_TITLE_CHARS).trimEnd()}…` : (title ?? "");
  }

  /** @param {number[]} ids what is being brought back */
  #awaitReturn(ids) {
    const isInBar = findPart(this, "undo")?.contains(document.activeElement);
    if (isInBar) this.focusCurrent(); // the bar goes
    const missing = ids.filter((id) => !this.ids.includes(id));
    this.#returning = { ids: missing, untilMs: performance.now() + RETURN_MS, from: document.activeElement };
  }

  /** @param {MouseEvent} event */
  #isRangeClick({ target, shiftKey }) {
    const clicked = /** @type {Element} */ (target);
    const isControl = clicked.closest("button, label, input, summary");
    return shiftKey && this.hasSelection && !isControl && clicked.closest("li.notification-item") !== null;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const { target, button } = event;
    const clicked = /** @type {Element} */ (target);
    if (this.#isRangeClick(event)) {
      event.preventDefault();
      this.#selection?.extendTo(readId(/** @type {HTMLElement} */ (clicked.closest("li.notification-item"))));
      return;
    }
    const opened = /** @type {HTMLElement | null | undefined} */ (
      clicked.closest("a[href]")?.closest("li:not([data-read])")
    );
    const isOpening = button < 2; // by the left button, or the middle one
    const isShownBeside = event.defaultPrevented; // and marked as read there
    if (opened && isOpening && !isShownBeside) this.#perform("read", [readId(opened)]);
    if (clicked.closest(".notification-retry")) this.refresh();
    if (clicked.closest(".notification-selection__rest")) this.#selection?.selectEverything();
    if (clicked.closest(".notification-arrived")) this.#showArrived();
  }

  #showArrived() {
    this.scrollIntoView();
    this.draw();
    this.items[0].focus({ preventScroll: true });
  }

  // --- What keys do

  /**
   * Focus another row than the one that the reader was at, and select both where a selection is to be extended.
   *
   * @param {Place} place
   * @param {{isExtending: boolean}} options
   */
  moveTo(place, { isExtending }) {
    const isInRow = this.#list.contains(document.activeElement) && document.activeElement !== this.#list;
    const from = isInRow ? this.#roving?.wanted : undefined;
    const to = this.#findPlace(place, from);
    if (to === undefined) return;
    if (isExtending && findPart(this, "selection")) this.#selection?.stepTo(from ?? to, to);
    const isShown = this.items.some((item) => readId(item) === to);
    if (!isShown) this.draw({ around: to });
    this.items.find((item) => readId(item) === to)?.focus();
  }

  /**
   * @param {Place} place
   * @param {number} [from] an id, which may have left the list
   * @returns {number | undefined}
   */
  #findPlace(place, from) {
    const { ids } = this;
    if (place === "first") return ids[0];
    if (place === "last") return ids.at(-1);
    const inView = this.items.find((each) => each.getBoundingClientRect().top >= 0);
    if (from === undefined) return inView && readId(inView);
    return place === "next" ? ids.find((id) => id < from) : ids.findLast((id) => id > from);
  }

  /**
   * @param {HTMLElement} row
   * @param {1 | -1} step
   */
  moveWithin(row, step) {
    this.#roving?.moveWithin(row, step);
  }

  openInbox() {
    const { pathname } = new URL(this.dataset.itemsUrl ?? "", location.href);
    location.assign(pathname);
  }

  toggleHelp() {
    findPart(this, "help")?.togglePopover?.();
  }
}

/**
 * The buttons of an item do the opposite of what was done already.
 *
 * @param {ActionName} action
 * @param {Row} row
 * @returns {ActionName}
 */
function toggleAction(action, { isRead, isArchived }) {
  if (action === "read" && isRead) return "unread";
  if (action === "archive" && isArchived) return "unarchive";
  return action;
}

customElements.define("notification-list", NotificationList);
