// @ts-check
/** Requests in a reader's name. The server refuses them where somebody else is logged in by now. */

const ANSWER_MS = 30_000; // nobody waits longer
const MOST_KEPT_ALIVE_BYTES = 60_000; // browsers refuse more than 64 KiB

/**
 * @param {string} reader the tag of whose page asks
 * @param {string} url
 * @param {RequestInit} [init]
 */
export function fetchAs(reader, url, init) {
  const headers = { Accept: "application/json", "X-Notifications-Reader": reader };
  return fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS), ...init });
}

/**
 * Send a form, which outlives the page if it is short enough.
 *
 * @param {string} reader the tag of whose page asks
 * @param {string} url
 * @param {[string, string][]} fields
 * @returns {Promise<Response | void>} nothing where there is no answer
 */
export function postAs(reader, url, fields) {
  const body = new URLSearchParams(fields);
  const keepalive = `${body}`.length < MOST_KEPT_ALIVE_BYTES;
  return fetchAs(reader, url, { method: "POST", body, keepalive }).catch(console.warn);
}

/**
 * Whether who asks for what is new is refused: the session is over, or the site lets this reader follow no more.
 *
 * @param {{status: number} | void} response
 */
export function isRefused(response) {
  return response?.status === 401 || response?.status === 403; // also by a page of a middleware
}

/**
 * Whether an answer says that the reader is logged out. A 403 may also be for a form that is out of date.
 *
 * @param {{status: number, json: () => Promise<any>} | void} response
 */
export async function isLoggedOut(response) {
  if (response?.status === 401) return true;
  if (response?.status !== 403) return false;
  const answer = await response.json().catch(() => ({}));
  return answer.error?.code === "not_logged_in" || answer.error?.code === "reader";
}
