// @ts-check
/**
 * What a page asks again and again where nothing can stream: what has changed since a position.
 *
 * Every 30 s while it is looked at, more rarely while there is no answer, and not at all while nobody looks. One question at a
 * time. Knows neither tabs nor streams: connection.js says when it begins, and takes what comes.
 */

import { backoffSeconds } from "./backoff.js";

/**
 * @typedef {object} PollingOptions
 * @property {() => Promise<boolean>} ask put the question; whether there was an answer
 * @property {() => boolean} isLookedAt whether anybody sees the page
 */

const PAUSE_SECONDS = 30;
const SPREAD = 0.2; // of a pause: clients must not come at once
const FAILED = { first: 60, longest: 240 }; // seconds, while there is no answer
const LEAST_SECONDS = 1; // between two questions, whoever wants an answer

export class Polling {
  #ask;
  #isLookedAt;

  #isOn = false;

  /** How often in a row there was no answer. */
  #failures = 0;

  #isAsking = false;

  /** Whether somebody waits for an answer. */
  #isWanted = false;

  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {PollingOptions} options */
  constructor({ ask, isLookedAt }) {
    this.#ask = ask;
    this.#isLookedAt = isLookedAt;
  }

  get isOn() {
    return this.#isOn;
  }

  start() {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#failures = 0;
    this.#wait(0);
  }

  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
  }

  /**
   * Ask at once, because the page is looked at again, or lacks something.
   *
   * @param {{isRoutine?: boolean}} [options] `isRoutine`: only if the latest question is old enough
   */
  askNow({ isRoutine = false } = {}) {
    if (!this.#isOn) return;
    const agoSeconds = (Date.now() - this.#askedAtMs) / 1000;
    const pauseSeconds = isRoutine ? PAUSE_SECONDS * (1 - SPREAD) : LEAST_SECONDS;
    if (isRoutine && agoSeconds < pauseSeconds) return;
    this.#isWanted = true;
    this.#wait(Math.max(0, pauseSeconds - agoSeconds));
  }

  /** @param {number} seconds */
  #wait(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), seconds * 1000);
  }

  async #next() {
    if (this.#isAsking) return; // the next question follows the answer
    if (!this.#isWanted && !this.#isLookedAt()) return; // who looks again asks
    this.#isAsking = true;
    this.#isWanted = false;
    this.#askedAtMs = Date.now();
    const isAnswered = await this.#ask().catch(console.error); // whatever came, the page asks again
    this.#isAsking = false;
    if (!this.#isOn) return;
    this.#failures = isAnswered ? 0 : this.#failures + 1;
    this.#wait(this.#pauseSeconds());
  }

  #pauseSeconds() {
    if (this.#isWanted) return LEAST_SECONDS;
    if (this.#failures > 0) return backoffSeconds(this.#failures, undefined, FAILED);
    return PAUSE_SECONDS * (1 - SPREAD * Math.random());
  }
}
