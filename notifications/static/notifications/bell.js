// @ts-check
/** <notification-bell>: the count of unread notifications, on the badge, in the link's name and in the page's title. */

import { shortCount, withCount } from "./count.js";
import { live } from "./live.js";

let titled = ""; // the count that stands before the page's title; a page may have several bells

export class NotificationBell extends HTMLElement {
  #life = new AbortController();

  connectedCallback() {
    this.#life = new AbortController();
    const { store } = live();
    store.addEventListener("counters", () => this.#show(store.unread), { signal: this.#life.signal });
    this.#show(store.unread);
  }

  disconnectedCallback() {
    this.#life.abort();
  }

  /** @param {number} unread */
  #show(unread) {
    const { labelNone = "", labelSome = "", many = "" } = this.dataset;
    const count = shortCount(unread, many);
    const badge = /** @type {HTMLElement} */ (this.querySelector(".notification-bell__badge"));
    badge.textContent = count;
    badge.hidden = unread === 0;
    const name = unread ? labelSome.replace("{count}", String(unread)) : labelNone;
    this.querySelector(".notification-bell")?.setAttribute("aria-label", name);
    const shown = unread ? count : "";
    document.title = withCount(document.title, shown, titled);
    titled = shown;
  }
}
