// @ts-check
/**
 * Where this page stands in its reader's log, moved by frames, which may come twice, late or not at all.
 *
 * Receives frames in any order. Guarantees that each change is told once, in the order of the log, and that a frame before
 * which something is missing changes nothing. Knows neither the document nor the network.
 */

import { parsePosition } from "./position.js";

/**
 * How the connection to the server is; "polling" where nothing streams, "over" where the session has ended, for good.
 * @typedef {"live" | "polling" | "connecting" | "offline" | "over"} ConnectionState
 *
 * The JSON of a notification.
 * @typedef {object} Item
 * @property {number} id
 * @property {number} modseq
 * @property {string} category
 * @property {"info" | "success" | "warning" | "error"} level
 * @property {string} title
 * @property {string} body
 * @property {string} url
 * @property {string} actor
 * @property {string} topic
 * @property {{progress?: Progress, icon?: unknown, avatar?: unknown}} data
 * @property {string} created_at
 * @property {string | null} read_at
 * @property {string | null} archived_at
 *
 * How far a job is.
 * @typedef {object} Progress
 * @property {number} done
 * @property {number | null} total
 * @property {"running" | "success" | "failure" | "stalled"} state
 *
 * The data of a `change`.
 * @typedef {object} Change
 * @property {number} prev
 * @property {number} modseq
 * @property {Item[]} upsert
 * @property {number[]} gone
 * @property {number} [read_upto]
 * @property {string} [read_at]
 * @property {number} unread
 * @property {number} unseen
 *
 * @typedef {{modseq: number, unread: number, unseen: number, mode: "resume" | "reset"}} Hello
 * @typedef {{items: Item[], unread: number, unseen: number}} Snapshot
 * @typedef {{reason: string, modseq: number, snapshot: Snapshot}} Reset
 *
 * What the stream sends (docs/protocol.md): an event, its id or the latest id before it, its data. The tab that leads adds
 * `connection`: how the connection is, and where what follows continues, which is empty while the server is being asked; and it
 * marks what did not come by a stream.
 * @typedef {{isPolled?: boolean} & ({event: "hello", position: string, data: Hello}
 *   | {event: "change", position: string, data: Change}
 *   | {event: "reset", position: string, data: Reset}
 *   | {event: "ping", position: string, data: {modseq?: number}}
 *   | {event: "bye", position: string, data: {reason: string}}
 *   | {event: "connection", position: string, data: ConnectionState})} Frame
 *
 * Counters as a page, a frame or the answer to an action tells them, and the position at which they held. A page tells
 * them as text.
 * @typedef {{position?: string, unread?: number | string, unseen?: number | string}} Counters
 */

/**
 * Tells `change` (a `Change`) and `reset` (a `Reset`) once each, `counters`, and `connection` (a `ConnectionState`).
 */
export class Store extends EventTarget {
  /** @type {string} */
  epoch;

  /** @type {number} */
  modseq;

  /** @type {ConnectionState} */
  connectionState = "connecting";

  /** Whether the reader is known to be still logged in: a page may come back from the browser's cache after a logout. */
  isVerified = true;

  /** The server's counters, and the `modseq` at which they held. */
  #counters = { modseq: 0, unread: 0, unseen: 0 };

  /** What each action that has no answer yet makes of the count of unread ones. @type {Set<(unread: number) => number>} */
  #expectations = new Set();

  /** @param {Counters} counters */
  constructor({ position, unread, unseen }) {
    super();
    const { epoch, modseq } = parsePosition(position);
    this.epoch = epoch;
    this.modseq = modseq;
    this.#setCounters(modseq, { unread, unseen });
  }

  get position() {
    return `${this.epoch}.${this.modseq}`;
  }

  /** The server's count, with what actions expect of it on top. Nobody's count is shown to whom it may not concern. */
  get unread() {
    if (!this.#mayShowCounters) return 0;
    let { unread } = this.#counters;
    for (const expectation of this.#expectations) unread = Math.max(0, expectation(unread));
    return unread;
  }

  get unseen() {
    return this.#mayShowCounters ? this.#counters.unseen : 0;
  }

  get #mayShowCounters() {
    return this.connectionState !== "over" && this.isVerified;
  }

  /**
   * Take what is new of a frame.
   *
   * @param {Frame} frame
   * @returns {boolean} whether something before this frame is missing
   */
  apply(frame) {
    if (frame.event === "bye") {
      if (frame.data.reason === "auth") this.setConnectionState("over");
      return false;
    }
    if (this.connectionState === "over") return false;
    const reached = frame.isPolled ? "polling" : "live";
    this.setConnectionState(frame.event === "connection" ? frame.data : reached);
    if (!frame.position) return false; // the tab that leads does not know yet
    switch (frame.event) {
      case "hello":
        return this.#applyHello(frame.position, frame.data);
      case "change":
        return this.#applyChange(frame.position, frame.data);
      case "reset":
        return this.#applyReset(frame.position, frame.data);
      case "ping":
        return this.#isMissing(frame.position, frame.data.modseq);
      case "connection":
        return this.#isMissing(frame.position, parsePosition(frame.position).modseq);
    }
  }

  /**
   * Only a new stream proves whose page this is: one that was open before a logout ends a moment after it.
   *
   * @param {string} position
   * @param {Hello} hello
   */
  #applyHello(position, hello) {
    this.updateCounters({ ...hello, position });
    this.isVerified = true;
    this.#tell("connection", this.connectionState);
    if (this.#isHere(position)) return false;
    return hello.mode === "resume"; // in any other mode a reset follows, which moves us into the stream's epoch
  }

  /**
   * The rule of docs/protocol.md: a change is for us where `prev ≤ mine < modseq`.
   *
   * @param {string} position
   * @param {Change} change
   */
  #applyChange(position, change) {
    if (this.#isMissing(position, change.prev)) return true;
    const { modseq } = parsePosition(position);
    if (modseq <= this.modseq) return false; // known already
    this.modseq = modseq;
    this.updateCounters({ ...change, position });
    this.#tell("change", change);
    return false;
  }

  /**
   * Go where the server says, whatever our position was, also backwards.
   *
   * @param {string} position
   * @param {Reset} reset
   */
  #applyReset(position, reset) {
    const { epoch, modseq } = parsePosition(position);
    const isElsewhere = epoch !== this.epoch || modseq !== this.modseq;
    this.epoch = epoch;
    this.modseq = modseq;
    this.#setCounters(modseq, reset.snapshot);
    if (isElsewhere) this.#tell("reset", reset);
    return false;
  }

  /**
   * Whether we lack changes up to `modseq` in the epoch of a position; in another epoch than ours we lack everything. The
   * ping of an edge, which does not know the log, names no `modseq`.
   *
   * @param {string} position
   * @param {number | undefined} modseq
   */
  #isMissing(position, modseq) {
    if (!this.#isHere(position)) return true;
    return modseq !== undefined && modseq > this.modseq;
  }

  /** @param {string} position */
  #isHere(position) {
    return parsePosition(position).epoch === this.epoch;
  }

  /**
   * Take the counters of an answer or a page, unless they are older than ours. Only the stream moves the position.
   *
   * @param {Counters} counters
   */
  updateCounters({ position, unread, unseen }) {
    const { epoch, modseq } = parsePosition(position);
    if (epoch === this.epoch && modseq >= this.#counters.modseq) this.#setCounters(modseq, { unread, unseen });
  }

  /**
   * Show the count as an action will leave it, whatever the server's becomes meanwhile.
   *
   * @param {(unread: number) => number} expectation
   * @returns {() => void} ends that
   */
  expectUnread(expectation) {
    this.#expectations.add(expectation);
    this.#tell("counters");
    return () => {
      this.#expectations.delete(expectation);
      this.#tell("counters");
    };
  }

  /** The page may come back to somebody else: show no count until a new stream has begun. */
  markUnverified() {
    this.isVerified = false;
    this.#tell("connection", this.connectionState);
  }

  /** @param {ConnectionState} state */
  setConnectionState(state) {
    if (this.connectionState === "over" || this.connectionState === state) return;
    this.connectionState = state;
    this.#tell("connection", state);
  }

  /**
   * @param {number} modseq
   * @param {Counters} counters
   */
  #setCounters(modseq, { unread, unseen = this.#counters.unseen }) {
    this.#counters = { modseq, unread: Number(unread), unseen: Number(unseen) };
    this.#tell("counters");
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
