// @ts-check
/**
 * The tabs of one reader in one browser: all of them hear each other, and whoever holds a lock leads.
 *
 * HTTP/1.1 allows six connections to a host, over all tabs, so one tab holds the stream for all. It is a Web Lock, or where
 * there are none (plain HTTP, old browsers) one that the tabs keep among themselves. What tabs say to each other is decided
 * elsewhere (connection.js).
 * https://w3c.github.io/web-locks/
 */

import { ChannelLocks } from "./channel_locks.js";

/**
 * @template Message
 * @typedef {object} TabEvents
 * @property {(message: Message) => void} hear another tab has said something
 * @property {() => void} lead this tab leads from now on
 * @property {() => void} loseLead another tab has taken the lead
 */

/** @template Message */
export class Tabs {
  /** Whether this tab holds the stream, for all of them. */
  isLeading = false;

  #name;
  #events;

  /** Aborted when this tab leaves. @type {AbortController | undefined} */
  #membership;

  /** @type {BroadcastChannel | undefined} */
  #channel;

  /**
   * @param {string} name of this reader's tabs
   * @param {TabEvents<Message>} events
   */
  constructor(name, events) {
    this.#name = name;
    this.#events = events;
  }

  get hasJoined() {
    return this.#membership !== undefined;
  }

  join() {
    this.#membership = new AbortController();
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#events.hear(data);
  }

  leave() {
    this.isLeading = false;
    this.#channel?.close();
    this.#membership?.abort();
    this.#channel = undefined;
    this.#membership = undefined;
  }

  /** @param {Message} message */
  post(message) {
    this.#channel?.postMessage(message);
  }

  /**
   * Lead as soon as no other tab does, or at once.
   *
   * @param {{isStealing?: boolean}} [options] `isStealing`: from a tab that is frozen, and so does not answer
   */
  requestLead({ isStealing = false } = {}) {
    const signal = this.#membership?.signal;
    if (!signal) return;
    const lead = () => {
      if (signal.aborted) return undefined;
      this.isLeading = true;
      this.#events.lead();
      return new Promise((resolve) => signal.addEventListener("abort", resolve)); // holds the lock until then
    };
    const options = isStealing ? { steal: true } : { signal };
    const locks = navigator.locks ?? new ChannelLocks();
    locks.request(this.#name, options, lead).catch((error) => {
      if (error.name !== "AbortError") throw error;
      const isStolen = !signal.aborted;
      if (isStolen) this.#events.loseLead();
    });
  }
}
