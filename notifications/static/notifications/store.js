// @ts-check
/**
 * Where this page stands: its position and counters, moved by frames. Pure: knows neither the network nor the page.
 *
 * Frames may come twice, late or with one missing; `apply` says what each meant. It guarantees that "change" events are
 * dispatched in the order of the log, each change once, and that none is skipped without a "reset" event.
 */

import { parse } from "./position.js";

/**
 * @typedef {object} Item the JSON of a notification (payloads.py)
 * @property {number} id
 * @property {number} modseq
 * @property {string} category
 * @property {string} level
 * @property {string} title
 * @property {string} body
 * @property {string} url
 * @property {string} actor
 * @property {string} created_at
 * @property {string | null} read_at
 * @property {string | null} archived_at
 *
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
 * @typedef {object} Frame what the stream sends: an event, its id or the latest id before it, its data
 * @property {string} event
 * @property {string} position
 * @property {any} data
 *
 * @typedef {"applied" | "known" | "gap" | "over"} Verdict
 */

export class Store extends EventTarget {
  #epoch;
  #modseq;
  unread;

  /** @param {{position: string, unread?: number}} page what the server rendered */
  constructor({ position, unread = 0 }) {
    super();
    ({ epoch: this.#epoch, modseq: this.#modseq } = parse(position));
    this.unread = unread;
  }

  get position() {
    return `${this.#epoch}.${this.#modseq}`;
  }

  get modseq() {
    return this.#modseq;
  }

  /**
   * Take in a frame. On "gap" the caller fetches what is missing: a stream reopened from `position`.
   * @param {Frame} frame
   * @returns {Verdict}
   */
  apply({ event, position, data }) {
    const { epoch } = parse(position);
    switch (event) {
      case "change":
        if (epoch !== this.#epoch || data.prev > this.#modseq) return "gap";
        if (data.modseq <= this.#modseq) return "known";
        this.#move(epoch, data.modseq, data);
        this.#tell("change", data);
        return "applied";
      case "reset":
        if (epoch === this.#epoch && data.modseq === this.#modseq) return "known";
        this.#move(epoch, data.modseq, data.snapshot);
        this.#tell("reset", data);
        return "applied";
      case "ping":
        return epoch !== this.#epoch || data.modseq > this.#modseq ? "gap" : "known";
      case "bye":
        if (data.reason !== "auth") return "known";
        this.#tell("over", data);
        return "over";
      default:
        return "known"; // hello tells what the frames after it tell as well
    }
  }

  /**
   * Show counters that an action was answered with, unless they are older than what is known. The position stays: the
   * stream brings the change itself.
   * @param {{position: string, unread: number}} answer
   */
  report({ position, unread }) {
    const { epoch, modseq } = parse(position);
    if (epoch === this.#epoch && modseq >= this.#modseq) this.#count(unread);
  }

  /** @param {string} epoch @param {number} modseq @param {{unread: number}} counters */
  #move(epoch, modseq, { unread }) {
    this.#epoch = epoch;
    this.#modseq = modseq;
    this.#count(unread);
  }

  /** @param {number} unread */
  #count(unread) {
    this.unread = unread;
    this.#tell("counters", unread);
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
