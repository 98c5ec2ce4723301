// @ts-check
/**
 * What one list shows: which notifications belong into its tab and its page. Pure; `list.js` does what it says.
 *
 * A row is changed only by what is newer than it, so frames may be applied to rows that are already ahead of them.
 */

/** @typedef {import("./store.js").Item} Item */
/** @typedef {import("./store.js").Change} Change */
/** @typedef {{id: number, modseq: number, isRead: boolean, isArchived: boolean}} Row */
/** @typedef {{row: Row, item?: Item}} Shown a row to show; `item` unless only its state changed */

export class Rows {
  #tab;
  #before;
  #oldest;
  /** @type {Map<number, Row>} */
  #rows = new Map();

  /**
   * @param {{tab: string, before: number | null, hasMore: boolean, rows: Iterable<Row>}} page newest first; `before`:
   *   the page holds lower ids only; `hasMore`: lower ids than its last are on the next page
   */
  constructor({ tab, before, hasMore, rows }) {
    this.#tab = tab;
    this.#before = before ?? Number.POSITIVE_INFINITY;
    for (const row of rows) this.#rows.set(row.id, row);
    this.#oldest = hasMore ? Math.min(...this.#rows.keys()) : 0;
  }

  /**
   * @param {Change} change
   * @returns {{show: Shown[], hide: number[]}}
   */
  apply(change) {
    /** @type {Shown[]} */
    const show = [];
    /** @type {number[]} */
    const hide = [];
    const take = (/** @type {Row} */ row, /** @type {Item | undefined} */ item) => {
      if (this.#belongs(row)) {
        this.#rows.set(row.id, row);
        show.push({ row, item });
      } else if (this.#rows.delete(row.id)) {
        hide.push(row.id);
      }
    };
    const { read_upto: readUpto } = change;
    if (readUpto !== undefined) {
      for (const row of [...this.#rows.values()]) {
        const isMeant = !row.isRead && !row.isArchived && row.modseq <= readUpto;
        if (isMeant) take({ ...row, modseq: change.modseq, isRead: true }, undefined);
      }
    }
    for (const item of change.upsert) {
      const known = this.#rows.get(item.id);
      if (!known || known.modseq < item.modseq) take(rowOf(item), item);
    }
    for (const id of change.gone) {
      if (this.#rows.delete(id)) hide.push(id);
    }
    return { show, hide };
  }

  /** Leave the oldest rows beyond `most` to the next page; return their ids. @param {number} most */
  trim(most) {
    const ids = [...this.#rows.keys()].sort((a, b) => b - a);
    if (ids.length <= most) return [];
    this.#oldest = ids[most - 1];
    const left = ids.slice(most);
    for (const id of left) this.#rows.delete(id);
    return left;
  }

  get size() {
    return this.#rows.size;
  }

  /** @param {Row} row */
  #belongs({ id, isRead, isArchived }) {
    if (id >= this.#before || id < this.#oldest) return false;
    if (this.#tab === "archived") return isArchived;
    return !isArchived && !(this.#tab === "unread" && isRead);
  }
}

/** @param {Item} item @returns {Row} */
function rowOf({ id, modseq, read_at, archived_at }) {
  return { id, modseq, isRead: read_at !== null, isArchived: archived_at !== null };
}
