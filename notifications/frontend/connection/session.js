// @ts-check
/** What belongs to one reader in one document: their store, their connection, and what they do. Knows no document. */

import { Store } from "../state/store.js";
import { Actions } from "./actions.js";
import { Connection } from "./connection.js";
import { fetchAs, postAs } from "./http.js";

/** @import { Counters } from "../state/store.js" */

export class Session {
  /** The tag of whose page it is (docs/protocol.md, "Whose page it is"), or nothing. @type {string} */
  reader;

  /** @type {Store} */
  store;

  /** @type {Connection} */
  connection;

  /** @type {Actions} */
  actions;

  #readCsrfField;

  /**
   * @param {object} options
   * @param {string} [options.reader]
   * @param {string} options.streamUrl
   * @param {Counters} options.counters
   * @param {string} [options.pollUrl] what to ask where nothing streams
   * @param {boolean} [options.isFreshPage] whether the server has just made this page
   * @param {() => boolean} [options.isLookedAt] whether anybody sees the page
   * @param {() => [string, string]} options.readCsrfField the name and value of what a form needs to be accepted
   */
  constructor({ reader = "", streamUrl, pollUrl, counters, isFreshPage, isLookedAt, readCsrfField }) {
    this.reader = reader;
    this.store = new Store(counters);
    this.connection = new Connection({ url: streamUrl, pollUrl, store: this.store, reader, isFreshPage, isLookedAt });
    this.actions = new Actions(this);
    this.#readCsrfField = readCsrfField;
  }

  /**
   * @param {string} url
   * @param {RequestInit} [init]
   */
  fetch(url, init) {
    return fetchAs(this.reader, url, init);
  }

  /**
   * @param {string} url
   * @param {[string, string][]} [fields]
   * @returns {Promise<Response | void>} nothing where there is no answer
   */
  post(url, fields = []) {
    return postAs(this.reader, url, [this.#readCsrfField(), ...fields]);
  }

  /** End it for good: somebody else reads this document now, and whoever is left of this reader shows nothing more. */
  end() {
    this.connection.stop();
    this.store.setConnectionState("over");
  }
}
