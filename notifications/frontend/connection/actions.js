// @ts-check
/**
 * What a reader does: shown at once, taken back where the server refuses. Knows neither the document nor its elements.
 *
 * Where the stream has not brought what an answer tells within two seconds, the list is fetched: nobody waits until a dead
 * stream is noticed.
 */

import { isBehind, isSameEpoch } from "../state/position.js";
import { isLoggedOut } from "./http.js";

/** @import { ListState, OptimisticUpdate, Outcome } from "../state/list_state.js" */
/** @import { Store } from "../state/store.js" */
/** @import { Connection } from "./connection.js" */

/**
 * @typedef {"read" | "unread" | "archive" | "unarchive" | "delete"} ActionName
 *
 * Whose actions they are.
 * @typedef {object} ActingSession
 * @property {Store} store
 * @property {Pick<Connection, "check">} connection
 * @property {(url: string, fields: [string, string][]) => Promise<Response | void>} post
 *
 * The list in which something is done.
 * @typedef {object} ActingList
 * @property {ListState} state
 * @property {{actionsUrl?: string, undoUrl?: string}} dataset
 * @property {(name: string) => void} showMessage by its name or by a status; none where it is empty
 * @property {() => void} draw
 * @property {() => Promise<void>} refresh fetch it anew
 *
 * What the page knows in part, such as all that is unread: `url` and `fields` name it, `isWholeInbox` says that it is the
 * inbox.
 * @typedef {{url: string, fields: [string, string][], isWholeInbox: boolean}} Scope
 *
 * @typedef {object} ActionRequest
 * @property {string} url
 * @property {[string, string][]} fields
 * @property {OptimisticUpdate} update
 * @property {() => void} endExpectation
 *
 * @typedef {object} ActionAnswer
 * @property {number} changed
 * @property {string} position
 * @property {number} unread
 * @property {number} unseen
 * @property {{token: string} | null} [undo]
 */

const STREAM_MS = 2000; // what takes the stream longer is fetched
const MOST_IDS = 500; // in one request (pages/forms.py)

/** @type {Record<ActionName, Outcome>} */
const OUTCOMES = {
  read: { isRead: true },
  unread: { isRead: false, isArchived: false },
  archive: { isArchived: true, isRead: true },
  unarchive: { isArchived: false },
  delete: { isGone: true },
};

export class Actions {
  #session;

  /** @param {ActingSession} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Do something to rows of a list.
   *
   * @param {ActingList} list
   * @param {ActionName} action
   * @param {number[]} ids
   * @param {Scope} [scope] what it is done to, where the page knows only these ids of it
   * @returns {Promise<ActionAnswer[]>} what can be undone
   */
  async perform(list, action, ids, scope) {
    const requests = this.#prepare(list, action, ids, scope);
    list.draw();
    const answers = await this.#sendAll(list, requests);
    return answers.filter(({ undo }) => undo);
  }

  /**
   * Take back what was done.
   *
   * @param {ActingList} list
   * @param {ActionAnswer[]} answers
   */
  undo(list, answers) {
    for (const { undo } of answers) {
      if (undo) this.#send(list, list.dataset.undoUrl ?? "", [["token", undo.token]]);
    }
  }

  /**
   * @param {ActingList} list
   * @param {ActionName} action
   * @param {number[]} ids
   * @param {Scope} [scope]
   * @returns {ActionRequest[]}
   */
  #prepare(list, action, ids, scope) {
    /** @type {[string, string]} */
    const actionField = ["action", action];
    if (scope) {
      const { url, fields, isWholeInbox } = scope;
      return [{ url, fields: [actionField, ...fields], ...this.#expect(list, action, ids, isWholeInbox) }];
    }
    const requests = [];
    for (let start = 0; start < ids.length; start += MOST_IDS) {
      const some = ids.slice(start, start + MOST_IDS);
      /** @type {[string, string][]} */
      const idFields = some.map((id) => ["id", `${id}`]);
      const url = list.dataset.actionsUrl ?? "";
      requests.push({ url, fields: [actionField, ...idFields], ...this.#expect(list, action, some, false) });
    }
    return requests;
  }

  /**
   * Show what a request will make of its rows and of the count, which are the server's again once it has answered.
   *
   * @param {ActingList} list
   * @param {ActionName} action
   * @param {number[]} ids
   * @param {boolean} isWholeInbox
   */
  #expect({ state }, action, ids, isWholeInbox) {
    const update = state.addUpdate(ids, OUTCOMES[action]);
    const endExpectation = this.#session.store.expectUnread((unread) => {
      if (isWholeInbox) return Math.min(unread, state.unreadIds().length);
      return unread + state.countUnreadChange(update);
    });
    return { update, endExpectation };
  }

  /**
   * One after the other, up to the first that fails.
   *
   * @param {ActingList} list
   * @param {ActionRequest[]} requests
   */
  async #sendAll(list, requests) {
    const answers = [];
    for (const [index, { url, fields, endExpectation }] of requests.entries()) {
      const answer = await this.#send(list, url, fields, endExpectation);
      if (!answer) {
        for (const request of requests.slice(index)) this.#takeBack(list, request);
        break;
      }
      answers.push(answer);
    }
    return answers;
  }

  /**
   * @param {ActingList} list
   * @param {ActionRequest} request
   */
  #takeBack(list, { update, endExpectation }) {
    endExpectation();
    list.state.removeUpdate(update);
    list.draw();
  }

  /**
   * @param {ActingList} list
   * @param {string} url
   * @param {[string, string][]} fields
   * @param {() => void} [onAnswer] called once there is an answer, or the want of one
   * @returns {Promise<ActionAnswer | undefined>} nothing where the server refuses
   */
  async #send(list, url, fields, onAnswer) {
    const { store, connection } = this.#session;
    list.showMessage("");
    const response = await this.#session.post(url, fields);
    const answer = response?.ok && (await response.json().catch(console.warn)); // a proxy's page is no answer
    onAnswer?.();
    if (!answer) {
      await this.#showRefusal(list, response);
      return undefined;
    }
    store.updateCounters(answer);
    setTimeout(() => {
      if (isBehind(store.position, answer.position)) list.refresh();
      if (!isSameEpoch(store.position, answer.position)) connection.check({ isNetworkNew: true }); // it is to be reset
    }, STREAM_MS);
    return answer;
  }

  /**
   * @param {ActingList} list
   * @param {Response | void} response
   */
  async #showRefusal(list, response) {
    const status = response?.status;
    if (await isLoggedOut(response)) {
      this.#session.store.setConnectionState("over");
      return;
    }
    if (status === 404 || status === 409) await list.refresh(); // another device was quicker, or history was replaced
    list.showMessage(status ? `${status}` : "failed");
  }
}
