// @ts-check
/** What of a list is fetched from the server. The latest request counts; what others bring comes too late. */

import { isLoggedOut } from "../connection/http.js";
import { ListState } from "../state/list_state.js";
import { parsePosition } from "../state/position.js";

/** @import { Change, Item } from "../state/store.js" */
/** @import { LiveElement } from "./live_element.js" */
/** @import { Narrowing } from "./search_form.js" */
/** @import { Seen } from "./seen.js" */

/**
 * Items as the server tells them, `next` of what is further down, as of when, and what is wrong with what was looked for.
 * @typedef {{items: Item[], next: number, modseq: number, problem?: string}} FetchedPage
 *
 * What is about to be shown instead, and where it is fetched.
 * @typedef {{narrowing: Narrowing, itemsUrl: string, state: ListState}} Coming
 *
 * The list that they are for.
 * @typedef {LiveElement & {state: ListState, draw: () => void, showMessage: (name: string) => void,
 *   showNarrowed: (state: ListState, narrowing: Narrowing, problem?: string) => void}} LoadedList
 */

const NEWEST = Number.MAX_SAFE_INTEGER; // before it stand all ids

/** The server asks this reader to wait. */
class TooOften extends Error {
  /** @param {Response} response */
  constructor({ headers }) {
    super();
    this.waitMs = 1000 * (Number(headers.get("Retry-After")) || 1);
  }
}

export class ListLoader {
  #list;
  #seen;

  /** Whether a fetch has failed, so that something is missing until another one succeeds. */
  #isStale = false;

  /** What the list is being narrowed to, until the server has told what that is. @type {Coming | undefined} */
  #coming;

  /** Runs until the server may be asked again, where it has asked to wait. @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /** The latest fetch. @type {Promise<FetchedPage> | undefined} */
  #fetching;

  /**
   * @param {LoadedList} list
   * @param {Seen} seen
   */
  constructor(list, seen) {
    this.#list = list;
    this.#seen = seen;
  }

  get isStale() {
    return this.#isStale;
  }

  /** Let go of all that is on its way. */
  stop() {
    clearTimeout(this.#pause);
    this.#fetching = undefined;
    this.#coming = undefined;
    this.#list.ariaBusy = null;
  }

  /**
   * Something has changed: what is on its way may not know it.
   *
   * @param {Change} change
   */
  apply(change) {
    this.#coming?.state.apply(change);
  }

  /**
   * Fetch anew what the list shows, or is about to show.
   *
   * @param {number} [last] the id up to which to fetch
   */
  refresh(last) {
    this.#isStale = false;
    if (!this.#pause) this.#list.showMessage("");
    this.#list.state.putInDoubt();
    this.#seen.doubt();
    if (this.#coming) return this.narrow(this.#coming.narrowing, this.#coming.itemsUrl);
    return this.#fetch(Number(this.#list.dataset.before) || NEWEST, { last, isWhole: true });
  }

  /** Fetch what is further down. */
  loadOlder() {
    return this.#fetch(this.#list.state.next);
  }

  /**
   * Show the list narrowed otherwise, once it is there; what is shown stays until then.
   *
   * @param {Narrowing} narrowing
   * @param {string} itemsUrl
   */
  narrow(narrowing, itemsUrl) {
    const { tab, zone } = this.#list.dataset;
    return this.#fetchComing({ narrowing, itemsUrl, state: new ListState({ tab, zone, ...narrowing }) });
  }

  /** What the list is narrowed to, or is about to be. @returns {Narrowing} */
  get narrowing() {
    const { category = "", level = "", q = "" } = this.#list.dataset;
    return this.#coming?.narrowing ?? { category, level, q };
  }

  /** How many there are in all that the list holds on the server, as far as its reader has seen it. */
  async countEverything() {
    const url = new URL(this.#list.dataset.itemsUrl ?? "", location.href);
    url.searchParams.set("part", "count");
    url.searchParams.set("up_to", this.#seen.bound);
    const response = await this.#list.session.fetch(`${url}`).catch(console.warn);
    const answer = response?.ok && (await response.json().catch(console.warn));
    return answer ? answer.count : undefined;
  }

  /**
   * @param {number} before an id
   * @param {{last?: number, isWhole?: boolean}} [options] `last`: the id up to which to fetch; `isWhole`: all that is shown
   */
  async #fetch(before, { last, isWhole = false } = {}) {
    const page = await this.#receive(this.#get(this.#list.dataset.itemsUrl ?? "", before, last));
    if (!page) return;
    this.#list.state.addPage(page.items, before, page.next, page.modseq);
    if (isWhole) this.#seen.trust();
    this.#list.draw();
  }

  /** @param {Coming} coming */
  async #fetchComing(coming) {
    const { narrowing, itemsUrl, state } = coming;
    this.#coming = coming;
    const page = await this.#receive(this.#get(itemsUrl, NEWEST));
    if (!page) return;
    this.#coming = undefined;
    state.addPage(page.items, NEWEST, page.next, page.modseq);
    Object.assign(this.#list.dataset, { ...narrowing, itemsUrl, before: "" });
    this.#list.showNarrowed(state, narrowing, page.problem);
  }

  /**
   * Wait for what is the latest fetch from now on.
   *
   * @param {Promise<FetchedPage>} fetching
   * @returns {Promise<FetchedPage | undefined>} nothing where it has failed, or another one is the latest meanwhile
   */
  async #receive(fetching) {
    this.#fetching = fetching;
    this.#list.ariaBusy = "true";
    clearTimeout(this.#pause);
    const page = await fetching.catch((error) => {
      if (!(error instanceof TooOften)) console.warn(error);
      else if (fetching === this.#fetching) this.#pause = setTimeout(() => this.refresh(), error.waitMs);
      return error instanceof TooOften ? "429" : "stale";
    });
    if (fetching !== this.#fetching) return undefined; // a reset has come in between
    this.#list.ariaBusy = null;
    this.#isStale = typeof page === "string";
    if (typeof page === "string") {
      this.#list.showMessage(page);
      return undefined;
    }
    if (this.#pause) this.#list.showMessage("");
    this.#pause = undefined;
    return page;
  }

  /**
   * @param {string} itemsUrl
   * @param {number} before
   * @param {number} [last]
   * @returns {Promise<FetchedPage>}
   */
  async #get(itemsUrl, before, last) {
    const { session, store } = this.#list;
    const response = await session.fetch(`${itemsUrl}&before=${before}`);
    if (await isLoggedOut(response)) store.setConnectionState("over");
    if (response.status === 429) throw new TooOften(response);
    const { items, next, problem, ...counters } = await response.json();
    const { epoch, modseq } = parsePosition(counters.position);
    if (epoch !== store.epoch) throw new Error(`the list is of epoch ${epoch}, the page of ${store.epoch}`);
    store.updateCounters(counters);
    if (!next) return { items, next: 0, modseq, problem };
    const isEnough = last === undefined || next <= last;
    if (isEnough) return { items, next, modseq, problem };
    const rest = await this.#get(itemsUrl, next, last);
    return { items: [...items, ...rest.items], next: rest.next, modseq };
  }
}
