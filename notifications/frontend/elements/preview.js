// @ts-check
/**
 * The pane beside a wide list, in which a notification is read without leaving it.
 *
 * It shows what is clicked, and what the reader stays at who goes through the list by keys; the focus stays in the list. Where
 * the pane has no room, or where a click asks for a tab of its own, the link is the browser's.
 */

import "../shared_rows.js";

import { isLoggedOut } from "../connection/http.js";
import { fetchPart } from "../dom/fetch_part.js";
import { allowByNonce, findStyles } from "../dom/links.js";
import { findPart } from "../dom/parts.js";
import { readId } from "../dom/templates.js";

/** @import { ActionName } from "../connection/actions.js" */
/** @import { LiveElement } from "./live_element.js" */

/** @import { NotificationDetail } from "./detail.js" */

/**
 * The list that it stands beside.
 * @typedef {LiveElement & {items: HTMLElement[], state: {get: (id: number) => {isArchived?: boolean, isGone?: boolean} | undefined},
 *   act: (action: ActionName, id: number) => void, showMessage: (name: string) => void}} PreviewedList
 */

const FOLLOWING_MS = 200; // who goes on sooner passes over a row

export class Preview {
  #list;
  #view;
  #hint;

  /** What is shown, or 0. */
  #id = 0;

  /** What was shown last, or is about to be. */
  #aimedId = 0;

  /** Shows what the reader has gone to. @type {ReturnType<typeof setTimeout> | undefined} */
  #following;

  /** The row of what is shown. @type {HTMLElement | undefined} */
  #marked;

  /** The latest fetch; what others bring comes too late. @type {Promise<unknown> | undefined} */
  #fetching;

  /** @param {PreviewedList} list */
  constructor(list) {
    this.#list = list;
    this.#view = findPart(list, "view");
    this.#hint = findPart(list, "view__hint");
    if (!this.#view) return;
    const hear = (/** @type {MouseEvent} */ event) => this.#click(event);
    list.listen(list, "click", hear, { capture: true }); // before the list, which takes what is opened as read
    list.listen(this.#view, "notification-act", (/** @type {CustomEvent} */ event) => {
      event.preventDefault(); // the list offers undo
      list.act(event.detail.action, event.detail.id);
    });
  }

  /** Mark the row of what is shown. What leaves the list, such as an unread one that is read now, stays shown; what is gone does not. */
  mark() {
    const row = this.#list.state.get(this.#id);
    if (this.#id && (!row || row.isGone)) this.#close();
    const marked = this.#list.items.find((item) => readId(item) === this.#id);
    if (marked === this.#marked) return;
    this.#marked?.removeAttribute("aria-current");
    marked?.setAttribute("aria-current", "true");
    this.#marked = marked;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const link = /** @type {Element} */ (event.target).closest(".notification-item__link");
    const item = /** @type {HTMLElement | null | undefined} */ (link?.closest(".notification-item"));
    const isForNewTab = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
    if (!item || isForNewTab || event.defaultPrevented || !this.#hasRoom) return;
    event.preventDefault();
    clearTimeout(this.#following);
    const shown = this.#view && /** @type {NotificationDetail | null} */ (findPart(this.#view, "detail"));
    const isShown = shown && readId(item) === this.#id && readId(shown) === this.#id;
    if (isShown) shown.markAsRead();
    else this.#open(readId(item));
  }

  get #hasRoom() {
    return Boolean(this.#view?.checkVisibility?.());
  }

  /**
   * Show where the reader goes by keys, once they stay there.
   *
   * @param {number} id
   */
  follow(id) {
    clearTimeout(this.#following);
    if (!this.#hasRoom) return;
    this.#aimedId = id;
    if (id === this.#id) return;
    this.#following = setTimeout(() => {
      const row = this.#list.isConnected && this.#list.state.get(id);
      if (row && !row.isGone) this.#open(id, { isFollowing: true });
    }, FOLLOWING_MS);
  }

  /**
   * The focus has gone on from a row that has left the list. What is shown goes with it, unless that row was only read: in a list
   * of what is unread, one after the other would be read by itself.
   *
   * @param {number} from
   * @param {number} to
   */
  moveOn(from, to) {
    const row = this.#list.state.get(from);
    const isOnlyRead = row && !row.isGone && !row.isArchived && this.#list.dataset.tab === "unread";
    if (from === this.#aimedId && !isOnlyRead) this.follow(to);
  }

  /**
   * @param {number} id
   * @param {{isFollowing?: boolean}} [options]
   */
  async #open(id, { isFollowing = false } = {}) {
    const { detailUrl = "" } = this.#list.dataset;
    this.#id = id;
    this.#aimedId = id;
    this.mark();
    const fetching = fetchPart(this.#list.session.reader, `${detailUrl.replace(/0(?=\/?$)/, `${id}`)}?part=preview`);
    this.#fetching = fetching;
    const loading = import("./detail.js").then(() => true, console.warn);
    const [answer, isLoaded] = await Promise.all([fetching, loading]);
    if (fetching !== this.#fetching) return;
    if (await isLoggedOut(answer)) this.#list.store.setConnectionState("over");
    const detail = isLoaded && answer.page?.querySelector("notification-detail");
    if (!detail) {
      this.#close();
      this.mark();
      this.#list.showMessage(answer.status ? `${answer.status}` : "failed");
      return;
    }
    this.#list.showMessage("");
    detail.toggleAttribute("data-followed", isFollowing);
    this.#view?.replaceChildren(...this.#newStyles(answer.page), detail);
    this.#view?.scrollTo(0, 0);
  }

  /**
   * The styles that the page does not have yet.
   *
   * @param {Document | null} page
   */
  #newStyles(page) {
    const known = new Set([...document.querySelectorAll("link")].map(({ href }) => href));
    const links = page ? findStyles(page).filter(({ href }) => !known.has(href)) : [];
    const kept = this.#view?.querySelectorAll("link") ?? [];
    allowByNonce(links);
    return [...kept, ...links];
  }

  #close() {
    this.#id = 0;
    this.#fetching = undefined;
    if (this.#hint) this.#view?.replaceChildren(...(this.#view.querySelectorAll("link") ?? []), this.#hint);
  }
}
