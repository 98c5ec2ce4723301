// @ts-check
/** What was done and can be taken back, the latest first. Knows no document. */

const MOST_ENTRIES = 10;
// What a page may take back for longer than it offers it (pages/action_views.py grants 50 s more), less what a request takes.
const EXTRA_MS = 45_000;

/**
 * @template E
 */
export class UndoStack {
  /** @type {{entry: E, doneAtMs: number}[]} */
  #entries = [];

  #offeredMs;

  /** @param {number} offeredMs for how long an entry is offered */
  constructor(offeredMs) {
    this.#offeredMs = offeredMs;
  }

  /**
   * @param {E} entry
   * @param {number} [nowMs]
   */
  push(entry, nowMs = performance.now()) {
    this.#entries.push({ entry, doneAtMs: nowMs });
    if (this.#entries.length > MOST_ENTRIES) this.#entries.shift();
  }

  /**
   * The latest that the server would still take back.
   *
   * @param {number} [nowMs]
   * @returns {E | undefined}
   */
  getLatest(nowMs = performance.now()) {
    this.#entries = this.#entries.filter(({ doneAtMs }) => nowMs - doneAtMs < this.#offeredMs + EXTRA_MS);
    return this.#entries.at(-1)?.entry;
  }

  /** @param {E} entry */
  remove(entry) {
    this.#entries = this.#entries.filter((each) => each.entry !== entry);
  }

  /** @param {(entry: E) => boolean} isKept */
  keepOnly(isKept) {
    this.#entries = this.#entries.filter(({ entry }) => isKept(entry));
  }
}
