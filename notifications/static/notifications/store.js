// @ts-check
/**
 * Where this page stands: its position and counters, moved by frames. Pure: knows neither the network nor the page.
 *
 * Frames may come twice, late or with one missing; `apply` says what each meant. It guarantees that "change" events are
 * dispatched in the order of the log, each change once, and that none is skipped without a "reset" event. Further
 * events: "counters", "over" (the session has ended), and "line", whose detail is "live", "connecting" or "offline".
 */

import { parse } from "./position.js";

export class Store extends EventTarget {
  #epoch;
  #modseq;
  /** @type {import("./types.d.ts").Line} */
  line = "connecting";

  /** @param {{position: string, unread?: number, unseen?: number}} page what the server rendered */
  constructor({ position, unread = 0, unseen = 0 }) {
    super();
    ({ epoch: this.#epoch, modseq: this.#modseq } = parse(position));
    this.unread = unread;
    this.unseen = unseen;
  }

  get position() {
    return `${this.#epoch}.${this.#modseq}`;
  }

  get modseq() {
    return this.#modseq;
  }

  /** @param {import("./types.d.ts").Frame} frame @returns {import("./types.d.ts").Verdict} */
  apply({ event, position, data }) {
    if (event === "line") {
      this.setLine(data);
      return "known";
    }
    const { epoch } = parse(position);
    if (event !== "bye") this.setLine("live");
    if (event === "change") {
      if (epoch !== this.#epoch || data.prev > this.#modseq) return "gap";
      if (data.modseq <= this.#modseq) return "known";
      this.#move(epoch, data.modseq, data);
    } else if (event === "reset") {
      if (epoch === this.#epoch && data.modseq === this.#modseq) return "known";
      this.#move(epoch, data.modseq, data.snapshot);
    } else if (event === "bye" && data.reason === "auth") {
      this.#tell("over", data);
      return "over";
    } else {
      const isBehind = event === "ping" && (epoch !== this.#epoch || data.modseq > this.#modseq);
      return isBehind ? "gap" : "known"; // hello tells what the frames after it tell as well
    }
    this.#tell(event, data);
    return "applied";
  }

  /**
   * Show counters that an action was answered with, unless they are older than what is known. The position stays: the
   * stream brings the change itself.
   * @param {{position: string, unread: number, unseen?: number}} answer
   */
  report({ position, unread, unseen = this.unseen }) {
    const { epoch, modseq } = parse(position);
    if (epoch === this.#epoch && modseq >= this.#modseq) this.#count(unread, unseen);
  }

  /** Count what an action will do. The function returned takes it back, unless the server has told since. @param {number} more */
  expect(more) {
    const expected = Math.max(0, this.unread + more);
    this.#count(expected, this.unseen);
    return () => this.unread === expected && this.#count(expected - more, this.unseen);
  }

  /** @param {import("./types.d.ts").Line} line */
  setLine(line) {
    if (line === this.line) return;
    this.line = line;
    this.#tell("line", line);
  }

  #move(/** @type {string} */ epoch, /** @type {number} */ modseq, /** @type {any} */ { unread, unseen }) {
    this.#epoch = epoch;
    this.#modseq = modseq;
    this.#count(unread, unseen);
  }

  #count(/** @type {number} */ unread, /** @type {number} */ unseen) {
    this.unread = unread;
    this.unseen = unseen;
    this.#tell("counters", unread);
  }

  #tell(/** @type {string} */ name, /** @type {unknown} */ detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
