// @ts-check
/**
 * One stream for all tabs of a browser: HTTP/1.1 allows six connections to a host, over all tabs.
 *
 * The tab that holds a Web Lock leads: it has the stream and passes every frame on, as it came, over a BroadcastChannel.
 * Each tab applies the frames to its own store by the store's own rule, so tabs need not stand at the same position.
 * A tab that lacks something asks; the leader takes its stream back to that position, and the others ignore what they
 * know. Three messages:
 *
 *     {frame}           leader to all: a frame of the stream
 *     {ask: position}   to the leader: are you there, and please continue from here
 *     {at: position}    leader to all: I lead, and what follows continues from here
 *
 * Every `ask` is answered by `at`. A leader that does not answer (its tab is frozen) loses the lock to the one who asked.
 * Where there are no locks (plain HTTP, old browsers) each tab leads itself.
 */

import { isBehind } from "./position.js";
import { Stream } from "./stream.js";

/** @typedef {import("./store.js").Frame} Frame */

const ANSWER_SECONDS = 5; // messages between tabs take milliseconds, also to a tab in the background
const SILENCE_SECONDS = 45; // the leader passes on a ping every 15 s

export class Share {
  #name;
  #store;
  #stream;
  #isLeading = false;
  /** @type {AbortController | null} from start to stop */
  #life = null;
  /** @type {AbortController | null} while waiting for the lock */
  #turn = null;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} runs while an `ask` is unanswered */
  #unanswered;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {string} name the same in all tabs that may share: one for each user
   * @param {string} url of the stream
   * @param {import("./store.js").Store} store
   */
  constructor(name, url, store) {
    this.#name = name;
    this.#store = store;
    this.#stream = new Stream(url, (frame) => {
      this.#post({ frame });
      this.#apply(frame);
    });
  }

  get isLeading() {
    return this.#isLeading;
  }

  start() {
    if (this.#life) return;
    const life = new AbortController();
    this.#life = life;
    if (!navigator.locks || !globalThis.BroadcastChannel) {
      this.#lead(life.signal);
      return;
    }
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener("message", (message) => this.#hear(message.data), { signal: life.signal });
    this.#ask();
    this.#queue(life);
  }

  /** Leave everything to the other tabs: this one closes, sleeps, or its session is over. */
  stop() {
    clearTimeout(this.#unanswered);
    clearTimeout(this.#silence);
    this.#unanswered = undefined;
    this.#stream.close();
    this.#isLeading = false;
    this.#channel?.close();
    this.#channel = null;
    this.#turn?.abort();
    this.#life?.abort();
    this.#life = null;
  }

  /** Look after the line: the page became visible, or the network came back. @param {{isNetworkNew?: boolean}} [event] */
  check(event) {
    if (this.#isLeading) this.#stream.check(event);
    else if (this.#life) this.#ask();
  }

  /** @param {AbortController} life */
  #queue(life) {
    this.#turn = new AbortController();
    this.#take({ signal: this.#turn.signal }, life);
  }

  /** Lead as long as the lock is held, and queue again when it was stolen. @param {LockOptions} options @param {AbortController} life */
  async #take(options, life) {
    try {
      await navigator.locks.request(this.#name, options, () => (life.signal.aborted ? null : this.#lead(life.signal)));
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "AbortError") throw error;
      if (life.signal.aborted || options.signal?.aborted) return;
      this.#isLeading = false;
      this.#stream.close();
      this.#queue(life);
      this.#listen();
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<void>} settled when this tab stops */
  #lead(signal) {
    this.#answered();
    clearTimeout(this.#silence);
    this.#isLeading = true;
    this.#stream.open(this.#store.position);
    this.#post({ at: this.#stream.position });
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** @param {{frame?: Frame, ask?: string, at?: string}} message */
  #hear({ frame, ask, at }) {
    if (this.#isLeading) {
      if (ask === undefined) return;
      if (isBehind(ask, this.#stream.position)) this.#stream.goBack(ask);
      this.#post({ at: this.#stream.position });
      return;
    }
    if (ask !== undefined) return;
    this.#listen();
    if (at !== undefined) {
      this.#answered();
      if (isBehind(this.#store.position, at)) this.#ask();
    }
    if (frame) this.#apply(frame);
  }

  /** @param {Frame} frame */
  #apply(frame) {
    const verdict = this.#store.apply(frame);
    if (verdict === "over") this.stop();
    if (verdict === "gap" && this.#isLeading) this.#stream.goBack(this.#store.position);
    if (verdict === "gap" && !this.#isLeading) this.#ask();
  }

  #ask() {
    if (this.#unanswered !== undefined) return;
    this.#unanswered = setTimeout(() => this.#steal(), ANSWER_SECONDS * 1000);
    this.#post({ ask: this.#store.position });
  }

  #answered() {
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
  }

  #steal() {
    this.#unanswered = undefined;
    if (!this.#life) return;
    this.#turn?.abort(); // else the lock would come a second time
    this.#take({ steal: true }, this.#life);
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#ask(), SILENCE_SECONDS * 1000);
  }

  /** @param {object} message */
  #post(message) {
    this.#channel?.postMessage(message);
  }
}
