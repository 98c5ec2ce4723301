// @ts-check
/** <notification-list>: centre or panel, kept right by the stream. Each thing that it does has a module beside this one. */

import { formatCount, showTime } from "../dom/format.js";
import { showLogin } from "../dom/links.js";
import { findPart, needPart, setPart } from "../dom/parts.js";
import { pressShortcut, showKeys } from "../dom/shortcuts.js";
import { readId, readRow } from "../dom/templates.js";
import { findInView } from "../dom/view.js";
import { countNewer, ListState } from "../state/list_state.js";
import { isBehind, isSameEpoch } from "../state/position.js";
import { ListActions } from "./list_actions.js";
import { ListLoader } from "./list_loader.js";
import { LiveElement } from "./live_element.js";
import { Roving } from "./roving.js";
import { RowFocus } from "./row_focus.js";
import { Seen } from "./seen.js";
import { Selection } from "./selection.js";
import { ShownRows } from "./shown_rows.js";
import { UndoBar } from "./undo_bar.js";

/** @import { ActionName } from "../connection/actions.js" */
/** @import { Place } from "../dom/shortcuts.js" */
/** @import { Preview } from "./preview.js" */
/** @import { Narrowing, SearchForm } from "./search_form.js" */

const TIMES_MS = 30_000; // between two updates of "5 minutes ago"

export class NotificationList extends LiveElement {
  /** Whether it is a page of its own, and not the bell's panel. */
  isPage = this.dataset.part === "list";

  /** @type {ListState} */
  state = new ListState({});

  /** What belongs into the list, newest first. @type {number[]} */
  ids = [];

  #list = needPart(this, "list");

  #rows = new ShownRows(this);

  /** @type {Selection | undefined} */
  #selection;

  /** @type {Roving | undefined} */
  #roving;

  /** @type {RowFocus | undefined} */
  #focus;

  /** @type {Preview | undefined} */
  #preview;

  /** Until the preview is there. @type {Promise<void> | undefined} */
  #previewComing;

  /** @type {Seen | undefined} */
  #seen;

  /** @type {ListLoader | undefined} */
  #loader;

  /** @type {ListActions | undefined} */
  #actions;

  /** @type {SearchForm | undefined} */
  #searchForm;

  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;

  begin() {
    this.listen(this.store, "change", (/** @type {CustomEvent} */ { detail }) => {
      this.state.apply(detail);
      this.#loader?.apply(detail);
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
    this.listen(this, "click auxclick", (/** @type {MouseEvent} */ event) => this.#click(event));
    this.listen(this, "change", ({ target }) => this.#change(/** @type {HTMLInputElement} */ (target)));
    this.listen(document, "keydown", (/** @type {KeyboardEvent} */ event) => pressShortcut(event, this));
    this.listen(window, "scroll resize", () => this.#move(), { capture: true }); // panels, too
    this.state = new ListState(this.dataset, this.items.map(readRow));
    this.#makeParts();
    showKeys(this);
    this.#clock = setInterval(() => this.#showTimes(), TIMES_MS);
    this.#showTimes();
    this.#catchUp();
    this.#selection?.show();
    this.draw();
    this.markSeen();
  }

  end() {
    clearInterval(this.#clock);
    this.#loader?.stop();
  }

  #makeParts() {
    const selection = new Selection(this);
    const seen = new Seen(this, this.state.ids);
    const roving = new Roving(this);
    const focus = new RowFocus(this, roving, (from, to) => this.#preview?.moveOn(from, to));
    this.#selection = selection;
    this.#seen = seen;
    this.#roving = roving;
    this.#focus = focus;
    this.#loader = new ListLoader(this, seen);
    this.#actions = new ListActions(this, { selection, seen, focus, undoBar: new UndoBar(this) });
    this.#loadWhatAPageHas();
  }

  /** A panel does without the pane beside the list and without a search. */
  #loadWhatAPageHas() {
    if (findPart(this, "view")) {
      this.#previewComing = import("./preview.js")
        .then(({ Preview }) => {
          if (this.isConnected) this.#preview = new Preview(this);
        }, console.warn)
        .then(() => {
          this.#previewComing = undefined;
        });
    }
    if (!findPart(this, "filters")) return;
    import("./search_form.js").then(({ SearchForm }) => {
      if (this.isConnected) this.#searchForm = new SearchForm(this);
    }, console.warn);
  }

  /** Changes may have come first; and what something kept of a page may lack its head. */
  #catchUp() {
    const { position } = this.dataset;
    const isOtherEpoch = !isSameEpoch(position, this.store.position);
    if (isOtherEpoch) this.session.connection.check({ isNetworkNew: true }); // the server says which of them is history
    if (isOtherEpoch || this.#rows.isCut || isBehind(position, this.store.position)) this.refresh();
  }

  /** What is in the document. */
  get items() {
    return this.#rows.items;
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

  async countEverything() {
    return this.#loader?.countEverything();
  }

  #showTimes() {
    for (const time of this.querySelectorAll(".notification-item__time")) {
      showTime(/** @type {HTMLTimeElement} */ (time));
    }
    this.#rows.renameDays();
  }

  // --- What the list says

  /**
   * Show a message, or that the list is stale, or none.
   *
   * @param {string} name
   */
  showMessage(name) {
    if (this.store.connectionState === "over" && name !== "over") return; // the last word
    const shown = name || (this.#loader?.isStale ? "stale" : "");
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
      if (this.#loader?.isStale) this.refresh();
      else this.showMessage("");
    }
    if (connectionState !== "over") return;
    this.#loader?.stop();
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
   * Show the list as it is known.
   *
   * @param {{around?: number}} [options] an id, near which the list is to be shown instead of where it is scrolled to
   */
  draw({ around = undefined } = {}) {
    this.ids = this.state.ids;
    const items = this.#focus?.keep(() => this.#showRows(around)) ?? [];
    const isWhole = this.state.next === 0;
    setPart(this, "pages__older", { hidden: isWhole });
    this.toggleAttribute("data-empty", items.length === 0 && isWhole);
    if (this.hasSelection) this.#selection?.dropMissing();
    this.showState();
    this.#lookAtView();
  }

  /** @param {number} [around] an id */
  #showRows(around) {
    const items = this.#rows.show(this.ids, (id) => this.state.getKnown(id), around);
    this.#roving?.show(items);
    this.#preview?.mark();
    return items;
  }

  #move() {
    if (this.#rows.isElsewhere(this.ids)) this.draw();
    else this.#lookAtView();
  }

  #lookAtView() {
    const isHidden = !this.offsetHeight;
    if (this.ariaBusy || isHidden) return;
    const { top, bottom } = this.#rows.box;
    this.#seen?.look(this.ids, this.#rows.isFromTop && top >= 0);
    if (this.hasSelection) this.#selection?.showCount();
    const isEndNear = bottom < 2 * innerHeight;
    if (this.state.next && this.isPage && !this.#loader?.isStale && isEndNear) this.#loader?.loadOlder();
  }

  // --- What is fetched

  /** Fetch anew what the list shows, or is about to show. */
  async refresh() {
    const last = this.items.at(-1);
    await this.#loader?.refresh(last && readId(last));
  }

  /** What the list is narrowed to, or is about to be. */
  get narrowing() {
    return this.#loader?.narrowing;
  }

  /**
   * Show the list narrowed otherwise, once it is there.
   *
   * @param {Narrowing} narrowing
   * @param {string} itemsUrl where it is fetched
   */
  narrow(narrowing, itemsUrl) {
    this.#loader?.narrow(narrowing, itemsUrl);
  }

  /**
   * Show what the list was narrowed to.
   *
   * @param {ListState} state
   * @param {Narrowing} narrowing
   * @param {string} [problem] what is wrong with what was looked for
   */
  showNarrowed(state, narrowing, problem) {
    this.state = state;
    this.#seen?.restart(state.ids);
    this.clearSelection();
    this.showMessage("");
    this.draw();
    this.#searchForm?.showNarrowed(narrowing, problem);
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

  /**
   * Do something to one notification, and offer undo for it.
   *
   * @param {ActionName} action
   * @param {number} id
   */
  act(action, id) {
    this.#actions?.perform(action, [id]);
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
    const isForNewTab = event.ctrlKey || event.metaKey || event.shiftKey || button !== 0;
    const link = /** @type {HTMLElement | null} */ (clicked.closest(".notification-item__link"));
    if (link && this.#previewComing && !isForNewTab) {
      event.preventDefault();
      this.#previewComing.then(() => link.click());
      return;
    }
    const opened = /** @type {HTMLElement | null | undefined} */ (
      clicked.closest("a[href]")?.closest("li:not([data-read])")
    );
    const isOpening = button < 2; // by the left button, or the middle one
    const isShownBeside = event.defaultPrevented; // and marked as read there
    if (opened && isOpening && !isShownBeside) this.act("read", readId(opened));
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

  /** Focus the row where the reader was, or the one below it. */
  focusCurrent() {
    this.#focus?.focusCurrent();
  }

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
    if (!this.hasSelection) this.#preview?.follow(to);
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
    if (from === undefined) {
      const first = findInView(this.items).find((each) => each.getBoundingClientRect().top >= 0);
      return first ? readId(first) : ids[0];
    }
    const index = countNewer(ids, from);
    if (place === "previous") return ids[index - 1];
    return ids[index] === from ? ids[index + 1] : ids[index];
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

customElements.define("notification-list", NotificationList);
