// @ts-check
/** Which notifications belong into a list, changed only by what is newer. Knows neither the document nor the network. */

import { matchesItem, matchesState, parseSearch } from "./search.js";

/** @import { Search } from "./search.js" */
/** @import { Change, Item } from "./store.js" */

/**
 * What a list knows of a notification. `modseq` is 0 where a reset has put it in doubt.
 * @typedef {object} Row
 * @property {number} id
 * @property {number} modseq
 * @property {boolean} isRead
 * @property {boolean} isArchived
 * @property {boolean} [isGone]
 * @property {Item} [item] where it came as JSON
 * @property {object} [element] what the server has made to show it; carried for the page, never looked into
 *
 * What an action makes of a row.
 * @typedef {Partial<Pick<Row, "isRead" | "isArchived" | "isGone">>} Outcome
 *
 * An action that is shown before the server has said so: the rows that the log has not told of since, and what becomes of
 * them.
 * @typedef {{ids: Set<number>, outcome: Outcome}} OptimisticUpdate
 *
 * What a list holds: a tab, filters, ids below `before` and from `next` on. Empty ones narrow nothing. A page tells them as
 * text.
 * @typedef {object} Page
 * @property {string} [tab]
 * @property {string} [category]
 * @property {string} [level]
 * @property {string} [q]
 * @property {string} [zone] the time zone by whose days `q` is meant; without one it is the browser's
 * @property {number | string} [before]
 * @property {number | string} [next]
 */

/** @param {Row} row */
const isUnread = ({ isRead, isArchived, isGone }) => !isRead && !isArchived && !isGone;

export class ListState {
  /** From this id on the list is complete; 0 is the end. @type {number} */
  next;

  /** @type {Page} */
  #page;

  /** @type {Search} */
  #search;

  /** @type {Map<number, Row>} */
  #rows;

  /** What belongs into the list, but for what has changed since. A new array each time. @type {number[]} */
  #ids = [];

  /** What may have come into the list, or left it. @type {Set<number>} */
  #changed;

  /** Whether the search finds an item, which never changes: of ten thousand it takes long to say. @type {WeakMap<Item, boolean>} */
  #found = new WeakMap();

  /** In the order of the actions. @type {OptimisticUpdate[]} */
  #updates = [];

  /** Up to which `modseq` all was read, as far as changes have told. */
  #readUpTo = 0;

  /**
   * @param {Page} page
   * @param {Row[]} [rows]
   */
  constructor(page, rows = []) {
    this.next = Number(page.next ?? 0);
    this.#page = page;
    this.#search = parseSearch(page.q ?? "");
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.#changed = new Set(this.#rows.keys());
  }

  /** What belongs into the list, newest first. Not to be changed, and the same array until something else belongs into it. */
  get ids() {
    if (this.#changed.size > 0) this.#ids = this.#updateIds();
    return this.#ids;
  }

  /** Look only at what has changed: of ten thousand rows nearly all have not. */
  #updateIds() {
    const changed = this.#changed;
    this.#changed = new Set();
    const coming = [...changed].filter((id) => {
      const row = this.get(id);
      return row && this.#belongs(row);
    });
    const leaving = new Set(changed);
    for (const id of coming) leaving.delete(id);
    const missing = coming.filter((id) => this.#ids[countNewer(this.#ids, id)] !== id);
    const staying = this.#ids.filter((id) => !leaving.has(id));
    if (missing.length === 0 && staying.length === this.#ids.length) return this.#ids;
    return [...staying, ...missing].sort((one, other) => other - one);
  }

  /**
   * A row as it will be once all actions have happened.
   *
   * @param {number} id
   * @returns {Row | undefined}
   */
  get(id) {
    const row = this.#rows.get(id);
    return row && applyUpdates(row, this.#updates);
  }

  /**
   * A row that the list is known to have.
   *
   * @param {number} id
   */
  getKnown(id) {
    const row = this.get(id);
    if (!row) throw new Error(`The list has no row ${id}.`);
    return row;
  }

  /**
   * The known ones that are unread and have not changed since `upTo`.
   *
   * @param {number} [upTo] a `modseq`
   */
  unreadIds(upTo = Number.POSITIVE_INFINITY) {
    return [...this.#rows.keys()].filter((id) => {
      const row = this.getKnown(id);
      return isUnread(row) && row.modseq <= upTo;
    });
  }

  /** @param {Change} change */
  apply({ upsert, gone, modseq, read_upto: readUpTo }) {
    if (readUpTo !== undefined) this.#readAll(readUpTo, modseq);
    for (const item of upsert) this.#add(item);
    for (const id of gone) {
      this.#set({ id, modseq, isRead: false, isArchived: false, isGone: true }); // a page on its way may have it
    }
  }

  /**
   * @param {number} upTo
   * @param {number} modseq
   */
  #readAll(upTo, modseq) {
    this.#readUpTo = Math.max(this.#readUpTo, upTo);
    for (const row of this.#rows.values()) {
      if (!isUnread(row) || row.modseq > upTo) continue;
      // A row in doubt stays so: what is fetched says whether it was there to be read, however high this change's number.
      const isInDoubt = row.modseq === 0;
      this.#set({ ...row, modseq: isInDoubt ? 0 : modseq, isRead: true });
    }
  }

  /** After a reset anything may have happened: whatever comes next is newer. */
  putInDoubt() {
    this.#readUpTo = 0;
    for (const row of this.#rows.values()) row.modseq = 0;
  }

  /**
   * Take in all that there was below `before` and from `next` on, as of `modseq`.
   *
   * @param {Item[]} items
   * @param {number} before
   * @param {number} next
   * @param {number} modseq
   */
  addPage(items, before, next, modseq) {
    const lowest = Math.min(next, this.next);
    const highest = Math.max(before, this.next);
    for (const [id, row] of this.#rows) {
      if (id < lowest || id >= highest) continue;
      this.#changed.add(id);
      if (id < before && id >= next && row.modseq <= modseq) this.#rows.delete(id);
    }
    for (const item of items) this.#add(item);
    this.next = next;
  }

  /**
   * Take in one row as the server has it, or that it has none.
   *
   * @param {number} id
   * @param {Row | undefined} row
   * @param {number} modseq as of when
   */
  replace(id, row, modseq) {
    const known = this.#rows.get(id);
    const asOf = row ? row.modseq : modseq;
    if (known && known.modseq > asOf) return;
    this.#set(row ?? { id, modseq, isRead: false, isArchived: false, isGone: true });
  }

  /**
   * Show what an action will make of rows until the log tells of them.
   *
   * @param {number[]} ids
   * @param {Outcome} outcome
   */
  addUpdate(ids, outcome) {
    const update = { ids: new Set(ids), outcome };
    this.#updates.push(update);
    this.#noteChanged(update.ids);
    return update;
  }

  /** @param {OptimisticUpdate} update */
  removeUpdate(update) {
    this.#updates = this.#updates.filter((each) => each !== update);
    this.#noteChanged(update.ids);
  }

  /**
   * How many more are unread by an action, given the actions before it.
   *
   * @param {OptimisticUpdate} update
   */
  countUnreadChange(update) {
    const earlier = this.#updates.slice(0, this.#updates.indexOf(update));
    let change = 0;
    for (const id of update.ids) {
      const row = this.#rows.get(id);
      if (!row) continue;
      if (isUnread(applyUpdates(row, earlier))) change -= 1;
      if (isUnread(applyUpdates(row, [...earlier, update]))) change += 1;
    }
    return change;
  }

  /** @param {Item} item */
  #add(item) {
    const known = this.#rows.get(item.id);
    if (known && known.modseq >= item.modseq) return;
    const isArchived = Boolean(item.archived_at);
    const wasReadWithAll = item.modseq <= this.#readUpTo;
    const isRead = Boolean(item.read_at) || isArchived || wasReadWithAll; // what is archived is done with
    this.#set({ id: item.id, modseq: item.modseq, isRead, isArchived, item });
  }

  /** @param {Row} row */
  #set(row) {
    this.#rows.set(row.id, row);
    this.#changed.add(row.id);
    for (const { ids } of this.#updates) ids.delete(row.id);
  }

  /** @param {Iterable<number>} ids */
  #noteChanged(ids) {
    for (const id of ids) this.#changed.add(id);
  }

  /** @param {Row} row */
  #belongs({ id, isRead, isArchived, isGone, item }) {
    const { tab, before, category, level } = this.#page;
    const search = this.#search;
    if (isGone) return false;
    if (id < this.next) return false;
    if (before && id >= Number(before)) return false;
    if (!matchesState(search, { isRead, isArchived })) return false;
    if (search.states.length === 0 && isArchived !== (tab === "archived")) return false;
    if (search.states.length === 0 && isRead && tab === "unread") return false;
    if (!item) return true; // the server has found that it matches
    if (category && item.category !== category) return false;
    if (level && item.level !== level) return false;
    return this.#finds(item);
  }

  /** @param {Item} item */
  #finds(item) {
    const isKnown = this.#found.get(item);
    if (isKnown !== undefined) return isKnown;
    const isFound = matchesItem(this.#search, item, this.#page.zone);
    this.#found.set(item, isFound);
    return isFound;
  }
}

/**
 * How many of these come before an id.
 *
 * @param {number[]} ids newest first
 * @param {number} id
 */
export function countNewer(ids, id) {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle] > id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * @param {Row} row
 * @param {OptimisticUpdate[]} updates
 */
function applyUpdates(row, updates) {
  const hitting = updates.filter(({ ids }) => ids.has(row.id)); // nearly always none: the row itself then
  return hitting.length === 0 ? row : Object.assign({ ...row }, ...hitting.map(({ outcome }) => outcome));
}
