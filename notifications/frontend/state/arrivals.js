// @ts-check
/** What has come since the page was made and is still unread. Knows neither the document nor the network. */

import { ListState } from "./list_state.js";

/** @import { Change, Item } from "./store.js" */

/** @param {Item | undefined} item */
const isRunning = (item) => item?.data?.progress?.state === "running";

export class Arrivals extends ListState {
  /**
   * The highest id that is not new: a reader's ids rise with their log, however long a commit takes.
   *
   * @type {number}
   */
  newest;

  /** @param {number} newest */
  constructor(newest) {
    super({ tab: "unread" });
    this.newest = newest;
  }

  /**
   * The items of these ids that are still unread, oldest first.
   *
   * @param {number[]} wanted
   * @returns {Item[]}
   */
  unreadItems(wanted) {
    const items = [];
    for (const id of [...this.ids].reverse()) {
      const { item } = this.getKnown(id);
      if (item && wanted.includes(id)) items.push(item);
    }
    return items;
  }

  /**
   * Apply a change. A job is read while it runs, and new when it has ended.
   *
   * @param {Change} change
   * @returns {number[]} the ids of what is new and not merely edited
   */
  receive(change) {
    const isNew = (/** @type {Item} */ item) => item.id > this.newest;
    const hasEnded = (/** @type {Item} */ item) => isRunning(this.get(item.id)?.item) && !isRunning(item);
    const arrived = change.upsert.filter((item) => isNew(item) || hasEnded(item));
    this.apply(change);
    this.newest = Math.max(this.newest, ...change.upsert.map(({ id }) => id));
    return this.unreadItems(arrived.map(({ id }) => id)).map(({ id }) => id);
  }
}

/**
 * Who or what many items come from, by how many of them: a sender, or the category of what nobody sent.
 * @typedef {{name: string, count: number, isSender: boolean}} Source
 */

/**
 * Sum up many items.
 *
 * @param {Item[]} items
 * @returns {{count: number, failed: number, sources: Source[]}}
 */
export function sumUp(items) {
  /** @type {Map<string, Source>} */
  const sources = new Map();
  for (const { actor, category } of items) {
    const name = actor || category;
    const key = `${Boolean(actor)} ${name}`;
    const known = sources.get(key) ?? { name, count: 0, isSender: Boolean(actor) };
    sources.set(key, { ...known, count: known.count + 1 });
  }
  const named = [...sources.values()].filter(({ name }) => name);
  const failed = items.filter(({ level }) => level === "error").length;
  return { count: items.length, failed, sources: named.sort((one, other) => other.count - one.count) };
}

/**
 * Collect ids, so that many which come together are one piece of work.
 *
 * @param {number} delayMs from the first id to its delivery
 * @param {number} gapMs between two deliveries
 * @param {(ids: number[]) => void} deliver
 * @returns {(ids: number[]) => void} adds ids
 */
export function collectIds(delayMs, gapMs, deliver) {
  let earliestMs = 0;
  /** @type {number[]} */
  let waiting = [];
  const flush = () => {
    const ids = waiting;
    waiting = [];
    earliestMs = Date.now() + gapMs;
    deliver(ids);
  };
  return (ids) => {
    const isFirst = waiting.length === 0;
    if (ids.length && isFirst) setTimeout(flush, Math.max(delayMs, earliestMs - Date.now()));
    waiting.push(...ids);
  };
}
