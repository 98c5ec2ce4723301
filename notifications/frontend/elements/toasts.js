// @ts-check
/** <notification-toasts>: waits for what arrives. What shows, says and signals it, toast_stack.js, is loaded with the first. */

import { markIcons } from "../dom/icons.js";
import { tellWhetherLookedAt } from "../dom/looked_at.js";
import { LiveElement } from "./live_element.js";

/** @import { Change, Item, Reset } from "../state/store.js" */
/** @import { ToastStack } from "./toast_stack.js" */

const MOST_WAITING = 200; // changes; while nothing can be loaded, the oldest are given up

class Toasts extends LiveElement {
  /** The highest id that is not new. */
  #newest = Number.MAX_SAFE_INTEGER;

  /** What was told since something has arrived, until there is a stack. @type {Change[]} */
  #waiting = [];

  #isLoading = false;

  /** @type {ToastStack | undefined} */
  #stack;

  begin() {
    this.#newest = Number(this.dataset.newest);
    this.listen(this.store, "change", (/** @type {CustomEvent<Change>} */ { detail }) => this.#receive(detail));
    this.listen(this.store, "reset", (/** @type {CustomEvent<Reset>} */ { detail }) => {
      this.#begin(detail.snapshot.items);
    });
    this.listen(document, "visibilitychange", tellWhetherLookedAt);
    tellWhetherLookedAt();
  }

  showState() {
    const { unread, connectionState } = this.store;
    markIcons(unread);
    if (connectionState === "over") this.#forget();
    else if (this.#waiting.length) this.#load(); // it may have failed while the server was away
  }

  /** Also for what something keeps of the page. */
  end() {
    markIcons(0);
    this.#waiting = [];
    this.#stack?.end();
    this.#stack = undefined;
  }

  /**
   * Begin anew: all of these are known, and whatever waits is old.
   *
   * @param {Item[]} items
   */
  #begin(items) {
    const known = [...this.#waiting.flatMap(({ upsert }) => upsert), ...items];
    this.#newest = Math.max(this.#newest, ...known.map(({ id }) => id));
    this.#waiting = [];
    this.#stack?.begin(items);
  }

  #forget() {
    this.#newest = Number.MAX_SAFE_INTEGER;
    this.#waiting = [];
    this.#stack?.forget();
  }

  /** @param {Change} change */
  #receive(change) {
    if (this.#stack) {
      this.#stack.receive(change);
      return;
    }
    const isWanted = change.upsert.some(({ id, data }) => id > this.#newest || data?.progress); // a job is new once it has ended
    if (!isWanted && !this.#waiting.length) return;
    this.#waiting = [...this.#waiting, change].slice(-MOST_WAITING);
    this.#load();
  }

  async #load() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const loaded = await import("./toast_stack.js").catch(console.warn);
    this.#isLoading = false;
    if (!loaded || !this.#waiting.length) return; // failed, or nobody waits any more
    this.#stack = new loaded.ToastStack(this, this.#newest);
    for (const change of this.#waiting) this.#stack.receive(change);
    this.#waiting = [];
  }
}

customElements.define("notification-toasts", Toasts);
