// @ts-check
/** <broadcast-progress>: how far a broadcast is, as the stream tells those who follow it. */

import "../shared.js";

import { joinSession, leaveSession } from "../dom/sessions.js";

/**
 * @typedef {{done: number, total: number}} Progress
 * @typedef {{state: string, rate: number, seconds_left: number | null}} Work
 * @typedef {{topic: string, data: {progress?: Progress, broadcast?: Work}}} TopicItem
 */

export class BroadcastProgress extends HTMLElement {
  #life = new AbortController();

  connectedCallback() {
    this.#life = new AbortController();
    const { store } = joinSession(this);
    const { signal } = this.#life;
    const show = (/** @type {TopicItem[]} */ items) => this.#showLatest(items);
    store.addEventListener("change", (event) => show(/** @type {CustomEvent} */ (event).detail.upsert), { signal });
    store.addEventListener("reset", (event) => show(/** @type {CustomEvent} */ (event).detail.snapshot.items), {
      signal,
    });
    this.#follow();
  }

  disconnectedCallback() {
    this.#life.abort();
    leaveSession(this);
  }

  /** Watch without a click: press the button that is there for those without this script. */
  async #follow() {
    const form = /** @type {HTMLFormElement | null} */ (document.querySelector(".notification-watch"));
    if (!form) return;
    const init = { method: "POST", body: new FormData(form), redirect: /** @type {const} */ ("manual") };
    const { type } = await fetch(form.action, init).catch(() => Response.error());
    form.hidden = type === "opaqueredirect"; // done; else the button stays
  }

  /** @param {TopicItem[]} items */
  #showLatest(items) {
    for (const { topic, data } of items) {
      if (topic !== this.dataset.topic || !data.progress || !data.broadcast) continue;
      if (data.broadcast.state !== this.dataset.state) {
        this.#life.abort();
        location.reload(); // other buttons, other totals: the server knows
        return;
      }
      this.#show(data.progress, data.broadcast);
    }
  }

  /** @param {Progress} progress @param {Work} work */
  #show({ done, total }, { rate, seconds_left: left }) {
    const language = document.documentElement.lang || navigator.language;
    const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
    const seconds = new Intl.NumberFormat(language, { style: "unit", unit: "second", maximumFractionDigits: 0 });
    const bar = /** @type {HTMLProgressElement} */ (this.#part("bar"));
    bar.max = total || 1;
    bar.value = done;
    this.#fill("count", { done: whole.format(done), total: whole.format(total) });
    this.#fill("rate", rate ? { rate: whole.format(rate) } : null);
    this.#fill("left", left === null ? null : { left: seconds.format(left) });
  }

  /** Fill in a sentence, or hide it. @param {string} name @param {Record<string, string> | null} values */
  #fill(name, values) {
    const part = this.#part(name);
    part.hidden = values === null;
    const text = this.dataset[name] ?? "";
    part.textContent = Object.entries(values ?? {}).reduce(
      (filled, [key, value]) => filled.replace(`{${key}}`, value),
      text,
    );
  }

  /** @param {string} name @returns {HTMLElement} */
  #part(name) {
    return /** @type {HTMLElement} */ (this.querySelector(`.notification-progress__${name}`));
  }
}

customElements.define("broadcast-progress", BroadcastProgress);
