// @ts-check
/** What elements share: while they are in the page, they follow the session of their reader. */

import { joinSession, leaveSession } from "../dom/sessions.js";

/** @import { Session } from "../connection/session.js" */

export class LiveElement extends HTMLElement {
  /** Aborted when the element leaves the page. */
  #life = new AbortController();

  /** @type {Session | undefined} */
  #session;

  connectedCallback() {
    this.#life = new AbortController();
    this.#session = joinSession(this);
    this.setAttribute("data-joined", ""); // so that a copy of it, which something kept, is known as one
    this.begin();
    this.listen(this.store, "counters connection", () => this.#update());
    this.#update();
  }

  disconnectedCallback() {
    this.#life.abort();
    this.end();
    leaveSession(this);
  }

  /** @returns {Session} */
  get session() {
    if (!this.#session) throw new Error("The element was never in a page.");
    return this.#session;
  }

  get store() {
    return this.session.store;
  }

  /** Do what an element does when it comes into the page. */
  begin() {}

  /** Do what an element does when it leaves the page. */
  end() {}

  /** Show the counters, and how the connection is. */
  showState() {}

  /** A style hides what an element shows of its reader until it is known that they are still logged in. */
  #update() {
    this.toggleAttribute("data-unverified", !this.store.isVerified);
    this.showState();
  }

  /**
   * React to events while the element is in the page.
   *
   * @template {Event} E
   * @param {EventTarget} target
   * @param {string} names with spaces between them
   * @param {(event: E) => void} react
   * @param {{capture?: boolean}} [options]
   */
  listen(target, names, react, { capture = false } = {}) {
    const listener = /** @type {EventListener} */ (react);
    for (const name of names.split(" ")) {
      target.addEventListener(name, listener, { signal: this.#life.signal, capture });
    }
  }
}
