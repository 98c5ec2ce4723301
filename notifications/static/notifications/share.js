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
 *     {at: position, line}   leader to all: I lead, and what follows continues from here
 *
 * Every `ask` is answered by `at`. A leader that does not answer (its tab is frozen) loses the lock to the one who asked.
 * Where there are no locks (plain HTTP, old browsers) each tab leads itself.
 */

import { isBehind } from "./position.js";
import { Stream } from "./stream.js";

const ANSWER_SECONDS = 5; // messages between tabs take milliseconds, also to a tab in the background
const SILENCE_SECONDS = 45; // the leader passes on a ping every 15 s

export class Share {
  #name;
  #store;
  #stream;
  isLeading = false;
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

  start() {
    if (this.#life) return;
    this.#life = new AbortController();
    const { signal } = this.#life;
    if (!navigator.locks || !globalThis.BroadcastChannel) {
      this.#lead(signal);
      return;
    }
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener("message", (message) => this.#hear(message.data), { signal });
    this.#ask();
    this.#queue(signal);
  }

  /** Leave everything to the other tabs: this one closes, sleeps, or its session is over. */
  stop() {
    this.#answered();
    clearTimeout(this.#silence);
    this.#stream.close();
    this.isLeading = false;
    this.#channel?.close();
    this.#channel = null;
    this.#turn?.abort();
    this.#life?.abort();
    this.#life = null;
  }

  /** Look after the line: the page became visible, or the network came back. @param {{isNetworkNew?: boolean}} [event] */
  check(event) {
    if (this.isLeading) this.#stream.check(event);
    else if (this.#life) this.#ask();
  }

  #queue(/** @type {AbortSignal} */ life) {
    this.#turn = new AbortController();
    this.#take({ signal: this.#turn.signal }, life);
  }

  /** Lead as long as the lock is held, and queue again when it was stolen. */
  async #take(/** @type {LockOptions} */ options, /** @type {AbortSignal} */ life) {
    try {
      await navigator.locks.request(this.#name, options, () => (life.aborted ? null : this.#lead(life)));
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "AbortError") throw error;
      if (life.aborted || options.signal?.aborted) return;
      this.isLeading = false;
      this.#stream.close();
      this.#queue(life);
      this.#listen();
    }
  }

  /** @returns {Promise<void>} settled when this tab stops */
  #lead(/** @type {AbortSignal} */ life) {
    this.#answered();
    clearTimeout(this.#silence);
    this.isLeading = true;
    this.#stream.open(this.#store.position);
    this.#tellWhere();
    return new Promise((resolve) => life.addEventListener("abort", () => resolve(), { once: true }));
  }

  #hear(/** @type {import("./types.d.ts").Message} */ { frame, ask, at, line }) {
    if (this.isLeading) {
      if (ask === undefined) return;
      if (isBehind(ask, this.#stream.position)) this.#stream.goBack(ask);
      this.#tellWhere();
      return;
    }
    if (ask !== undefined) return;
    this.#listen();
    if (line) this.#store.setLine(line);
    if (at !== undefined) {
      this.#answered();
      if (isBehind(this.#store.position, at)) this.#ask();
    }
    if (frame) this.#apply(frame);
  }

  #apply(/** @type {import("./types.d.ts").Frame} */ frame) {
    const verdict = this.#store.apply(frame);
    if (verdict === "over") this.stop();
    if (verdict !== "gap") return;
    if (this.isLeading) this.#stream.goBack(this.#store.position);
    else this.#ask();
  }

  #tellWhere() {
    this.#post({ at: this.#stream.position, line: this.#store.line });
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
    this.#take({ steal: true }, this.#life.signal);
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#ask(), SILENCE_SECONDS * 1000);
  }

  #post(/** @type {import("./types.d.ts").Message} */ message) {
    this.#channel?.postMessage(message);
  }
}
