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

  // Times are those of performance.now(): nobody sets that clock back.

  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** Before which nothing is asked that can wait. */
  #routineAtMs = 0;

  /** When the timer is due. */
  #nextAtMs = Number.POSITIVE_INFINITY;

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
    this.#routineAtMs = 0;
    this.#wait(0);
  }

  stop() {
    this.#isOn = false;
    this.#nextAtMs = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  /**
   * Ask at once, because the page is looked at again, or lacks something.
   *
   * @param {{isRoutine?: boolean}} [options] `isRoutine`: only if the latest question is old enough, which takes
   *   longer while there is no answer
   */
  askNow({ isRoutine = false } = {}) {
    if (!this.#isOn) return;
    const nowMs = performance.now();
    if (isRoutine && (this.#isAsking || nowMs < this.#routineAtMs)) return;
    const agoSeconds = (nowMs - this.#askedAtMs) / 1000;
    this.#isWanted = true;
    this.#wait(Math.max(0, LEAST_SECONDS - agoSeconds));
  }

  /**
   * Put the next question then, or sooner if that was planned: who wants an answer again and again must not put it off.
   *
   * @param {number} seconds
   */
  #wait(seconds) {
    const atMs = performance.now() + seconds * 1000;
    if (atMs >= this.#nextAtMs) return;
    this.#nextAtMs = atMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), seconds * 1000);
  }

  async #next() {
    this.#nextAtMs = Number.POSITIVE_INFINITY;
    if (this.#isAsking) return; // the next question follows the answer
    if (!this.#isWanted && !this.#isLookedAt()) return; // who looks again asks
    this.#isAsking = true;
    this.#isWanted = false;
    this.#askedAtMs = performance.now();
    const isAnswered = await this.#ask().catch(console.error); // whatever came, the page asks again
    this.#isAsking = false;
    if (!this.#isOn) return;
    this.#failures = isAnswered ? 0 : this.#failures + 1;
    this.#planNext();
  }

  #planNext() {
    let pauseSeconds = PAUSE_SECONDS * (1 - SPREAD * Math.random());
    let routineSeconds = PAUSE_SECONDS * (1 - SPREAD);
    if (this.#failures > 0) {
      pauseSeconds = backoffSeconds(this.#failures, undefined, FAILED);
      routineSeconds = pauseSeconds;
    }
    this.#routineAtMs = performance.now() + routineSeconds * 1000;
    this.#wait(this.#isWanted ? LEAST_SECONDS : pauseSeconds);
  }
}
