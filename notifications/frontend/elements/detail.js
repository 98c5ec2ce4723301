// @ts-check
/**
 * <notification-detail>: one notification, whole, kept right by the stream. Looked at, it is marked as read; where it is shown
 * because somebody goes through a list by keys, only if they stay.
 *
 * Its state is that of a list of one, so what the log tells and what the reader does meet as they do there. Words that were
 * edited are fetched anew, as the server makes them.
 */

import "../shared_rows.js";

import { isLoggedOut } from "../connection/http.js";
import { fetchPart } from "../dom/fetch_part.js";
import { showFullTime, showTime } from "../dom/format.js";
import { showLogin } from "../dom/links.js";
import { findPart, needPart, setPart } from "../dom/parts.js";
import { pressShortcut } from "../dom/shortcuts.js";
import { readId, readRow } from "../dom/templates.js";
import { ListState } from "../state/list_state.js";
import { isBehind, isSameEpoch, parsePosition } from "../state/position.js";
import { LiveElement } from "./live_element.js";
import { UndoBar } from "./undo_bar.js";

/** @import { ActionName } from "../connection/actions.js" */
/** @import { Item } from "../state/store.js" */

const STREAM_MS = 2000; // what takes the stream longer is fetched
const STAYING_MS = 1500; // who goes on sooner has not read it
const COMPARED = /** @type {const} */ (["title", "body", "actor", "category"]);

export class NotificationDetail extends LiveElement {
  /** Whether it stands on a page of its own, where it hears all keys. */
  isPage = !this.closest("notification-list");

  /** What `dom/shortcuts.js` asks of a list. */
  hasSelection = false;

  /** @type {ListState} */
  state = new ListState({});

  #id = readId(this);

  /** Whether it was marked as read because it was looked at: what its reader marks as unread then stays so. */
  #wasLookedAt = false;

  /** Marks it as read where somebody stays. @type {ReturnType<typeof setTimeout> | undefined} */
  #staying;

  /** Whether what is shown may be out of date. */
  #isStale = false;

  /** The latest fetch; what others bring comes too late. @type {Promise<unknown> | undefined} */
  #fetching;

  /** @type {UndoBar | undefined} */
  #undoBar;

  begin() {
    this.state = new ListState({}, [readRow(this)]);
    this.#undoBar = new UndoBar(this);
    this.listen(this.store, "change", (/** @type {CustomEvent} */ { detail }) => {
      this.state.apply(detail);
      this.draw();
    });
    this.listen(this.store, "reset", () => this.refresh());
    this.listen(this.store, "connection", () => this.#followConnection());
    this.listen(this, "submit", (/** @type {SubmitEvent} */ event) => this.#submit(event));
    this.listen(document, "visibilitychange", () => this.#look());
    if (this.isPage) {
      this.listen(document, "keydown", (/** @type {KeyboardEvent} */ event) => pressShortcut(event, this));
    }
    const { position } = this.dataset;
    const isOtherEpoch = !isSameEpoch(position, this.store.position);
    if (isOtherEpoch) this.session.connection.check({ isNetworkNew: true }); // the server says which of them is history
    if (isOtherEpoch || isBehind(position, this.store.position)) this.refresh();
    this.#showTimes();
    this.draw();
    this.#look();
  }

  end() {
    clearTimeout(this.#staying);
  }

  /** Somebody looks at it. */
  #look() {
    clearTimeout(this.#staying);
    if (this.#wasLookedAt || document.hidden) return;
    if (!this.hasAttribute("data-followed")) this.markAsRead();
    else this.#staying = setTimeout(() => document.hidden || this.markAsRead(), STAYING_MS);
  }

  async markAsRead() {
    clearTimeout(this.#staying);
    const row = this.state.get(this.#id);
    if (!row || row.isRead || row.isGone) return;
    this.#wasLookedAt = true;
    const update = this.state.addUpdate([this.#id], { isRead: true });
    this.draw();
    const { actionsUrl = "" } = this.dataset;
    const fields = /** @type {[string, string][]} */ ([
      ["action", "read"],
      ["id", `${this.#id}`],
    ]);
    const response = await this.session.post(actionsUrl, fields);
    const answer = response?.ok && (await response.json().catch(console.warn));
    if (!answer) {
      if (await isLoggedOut(response)) this.store.setConnectionState("over");
      this.state.removeUpdate(update);
      this.draw();
      return;
    }
    this.store.updateCounters(answer);
    setTimeout(() => {
      if (isBehind(this.store.position, answer.position)) this.refresh();
    }, STREAM_MS);
  }

  // --- What it shows

  draw() {
    const row = this.state.get(this.#id);
    const isGone = !row || Boolean(row.isGone);
    const wasGone = this.hasAttribute("data-gone");
    this.toggleAttribute("data-gone", isGone);
    if (isGone !== wasGone) this.showMessage("");
    if (!row || isGone) return;
    if (row.isRead) clearTimeout(this.#staying); // what its reader marks as unread then stays so
    this.toggleAttribute("data-read", row.isRead);
    this.toggleAttribute("data-archived", row.isArchived);
    const isNewer = row.item && row.modseq > Number(this.dataset.modseq);
    if (row.item && isNewer && !this.#shows(row.item)) this.refresh();
  }

  /**
   * Whether what an item says is what stands here.
   *
   * @param {Item} item
   */
  #shows(item) {
    const { level, url } = this.dataset;
    if (item.data.progress || item.level !== level || item.url !== url) return false;
    return COMPARED.every((name) => this.querySelector(`[data-field="${name}"]`)?.textContent === item[name]);
  }

  #showTimes() {
    for (const time of this.querySelectorAll("time")) {
      if (time.matches(".notification-detail__ago")) showTime(time);
      else showFullTime(time);
    }
  }

  /**
   * Show a message, or that it is stale or gone, or none.
   *
   * @param {string} name
   */
  showMessage(name) {
    const isOver = this.store.connectionState === "over";
    const standing = (this.hasAttribute("data-gone") && "gone") || (this.#isStale && "stale") || "";
    const shown = isOver ? "over" : name || standing;
    const text = this.getAttribute(`data-message-${shown}`) ?? this.dataset.messageFailed;
    setPart(this, "detail__status", { textContent: shown && text });
    showLogin(this, shown === "over");
  }

  /** Whose session is over sees nothing more. */
  #followConnection() {
    const { connectionState } = this.store;
    const isLive = connectionState === "live" || connectionState === "polling";
    if (isLive && this.#isStale) this.refresh();
    if (connectionState !== "over") return;
    this.#fetching = undefined;
    findPart(this, "detail__article")?.replaceChildren();
    setPart(this, "undo", { hidden: true });
    this.showMessage("over");
  }

  // --- What is fetched

  /** Fetch it anew. */
  async refresh() {
    const asOf = this.store.modseq;
    const fetching = fetchPart(this.session.reader, this.dataset.partUrl ?? "");
    this.#fetching = fetching;
    const answer = await fetching;
    if (fetching !== this.#fetching) return; // another one is on its way
    if (await isLoggedOut(answer)) {
      this.store.setConnectionState("over");
      return;
    }
    const made = answer.page && /** @type {HTMLElement | null} */ (answer.page.querySelector("notification-detail"));
    const { epoch, modseq } = parsePosition(made?.dataset.position);
    const isGone = answer.status === 404;
    this.#isStale = !isGone && epoch !== this.store.epoch;
    if (isGone) this.state.replace(this.#id, undefined, asOf);
    if (made && !this.#isStale) {
      this.state.replace(this.#id, readRow(made), modseq);
      this.#fill(made);
    }
    this.draw();
    if (this.#isStale || isGone) this.showMessage("");
  }

  /** @param {HTMLElement} made by the server */
  #fill(made) {
    const focused = /** @type {HTMLElement | null} */ (this.querySelector(":focus"));
    needPart(this, "detail__article").replaceWith(needPart(made, "detail__article"));
    for (const name of ["modseq", "level", "url"]) this.dataset[name] = made.dataset[name];
    this.#showTimes();
    const action = focused?.dataset.action;
    if (action) /** @type {HTMLElement | null} */ (this.querySelector(`[data-action="${action}"]`))?.focus();
    else if (focused && !focused.isConnected) this.focus();
  }

  // --- What is done

  /** @param {SubmitEvent} event */
  #submit(event) {
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    const row = this.state.get(this.#id);
    if (!button.dataset.action || !row) return;
    event.preventDefault();
    event.stopPropagation(); // a list around it would act on what is selected
    let action = /** @type {ActionName} */ (button.dataset.action);
    if (action === "read" && row.isRead) action = "unread";
    if (action === "archive" && row.isArchived) action = "unarchive";
    const options = { detail: { action, id: this.#id }, bubbles: true, cancelable: true };
    const isOurs = this.dispatchEvent(new CustomEvent("notification-act", options)); // a list beside it may do it, to offer undo
    if (isOurs) this.#perform(action);
  }

  /** @param {ActionName} action */
  async #perform(action) {
    this.#wasLookedAt = true;
    const { actions } = this.session;
    await this.#undoBar?.offer({
      answers: actions.perform(this, action, [this.#id]),
      describe: () => this.getAttribute(`data-done-${action}`) ?? "",
      undo: (answers) => {
        this.focus(); // the bar goes
        actions.undo(this, answers);
      },
    });
    if (this.hasAttribute("data-gone")) findPart(this, "undo__button")?.focus();
  }

  /** Nothing is selected here. */
  clearSelection() {}

  /** What `g i` does. */
  openInbox() {
    findPart(document, "detail-page__back a")?.click();
  }
}

customElements.define("notification-detail", NotificationDetail);
