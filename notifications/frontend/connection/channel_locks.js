// @ts-check
/**
 * Locks that the tabs of one browser keep among themselves, where there are no Web Locks: over plain HTTP, and in old browsers.
 *
 * As much of Web Locks as tabs.js needs, over a BroadcastChannel. Whoever wants the lock claims it, and has it if nobody objects
 * for a moment; the lowest id goes first. For that moment two tabs may hold it, which does no harm: both are told the same, and
 * one of them gives way. A tab that dies without a word keeps it until somebody steals it.
 * https://w3c.github.io/web-locks/
 */

/**
 * What tabs say: that they want the lock, have it, take it, or have left it.
 * @typedef {{type: "claim" | "held" | "steal" | "free", id: number}} LockMessage
 *
 * @typedef {object} LockOptions
 * @property {AbortSignal} [signal] ends the wait for it
 * @property {boolean} [steal] have it at once
 */

const CLAIM_MS = 200; // messages between tabs take milliseconds

export class ChannelLocks {
  /**
   * @param {string} name
   * @param {LockOptions} options
   * @param {() => unknown} callback is called once the lock is held, which lasts until what it returns is settled
   * @returns {Promise<unknown>} rejected with an AbortError where the wait was ended, or the lock was taken away
   */
  request(name, options, callback) {
    return new Claim(`${name}:lock`, options, callback).result;
  }
}

/** One tab's wish for one lock, from the first word to the last. */
class Claim {
  #id = Math.random();
  #channel;
  #callback;
  #isHeld = false;
  #isClaiming = false;

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @type {(value: unknown) => void} */
  #resolve = () => {};

  /** @type {(reason: unknown) => void} */
  #reject = () => {};

  /** @type {Promise<unknown>} */
  result;

  /**
   * @param {string} name of the channel
   * @param {LockOptions} options
   * @param {() => unknown} callback
   */
  constructor(name, { signal, steal }, callback) {
    this.#callback = callback;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    signal?.addEventListener("abort", () => {
      if (this.#isHeld) return;
      const wasClaiming = this.#isClaiming;
      this.#standBack();
      if (wasClaiming) this.#say("free"); // others may wait for us
      this.#lose();
    });
    if (steal) {
      this.#say("steal");
      this.#hold();
    } else {
      this.#claim();
    }
  }

  /** @param {LockMessage} message */
  #hear({ type, id }) {
    const isBeforeUs = id < this.#id;
    if (this.#isHeld) {
      if (type === "claim") this.#say("held");
      if (type === "steal" || (type === "held" && isBeforeUs)) this.#lose();
      else if (type === "held") this.#say("held"); // so that the other one gives way
      return;
    }
    if (type === "free") this.#claim();
    else if (type !== "claim" || isBeforeUs) this.#standBack();
    else if (this.#isClaiming) this.#say("claim"); // it may not have heard ours
  }

  /** Wait until the lock is free. */
  #standBack() {
    this.#isClaiming = false;
    clearTimeout(this.#timer);
  }

  #claim() {
    this.#standBack();
    this.#isClaiming = true;
    this.#timer = setTimeout(() => this.#hold(), CLAIM_MS);
    this.#say("claim");
  }

  async #hold() {
    this.#isClaiming = false;
    this.#isHeld = true;
    this.#say("held");
    const value = await this.#callback();
    if (!this.#isHeld) return; // lost meanwhile
    this.#isHeld = false;
    this.#channel.onmessage = null;
    this.#say("free");
    this.#channel.close();
    this.#resolve(value);
  }

  #lose() {
    this.#isHeld = false;
    clearTimeout(this.#timer);
    this.#channel.onmessage = null;
    this.#channel.close();
    this.#reject(new DOMException("", "AbortError"));
  }

  /** @param {LockMessage["type"]} type */
  #say(type) {
    this.#channel.postMessage({ type, id: this.#id });
  }
}
