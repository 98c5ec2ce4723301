// @ts-check
/**
 * Whose notifications this document shows: one session for its reader, while any element shows them.
 *
 * A site that swaps the body instead of loading a page may change its reader: the next one gets a session of their own, and
 * the former reader's ends.
 */

import { Session } from "../connection/session.js";
import { isSameEpoch } from "../state/position.js";
import { readCsrfField } from "./parts.js";

/** The session of this document's reader. @type {Session | undefined} */
let current;

/** What shows it. @type {Set<HTMLElement>} */
let elements = new Set();

/**
 * Join the session of an element's reader, which begins where there is none.
 *
 * @param {HTMLElement} element
 * @returns {Session}
 */
export function joinSession(element) {
  const { dataset } = findSource(element);
  if (!current) followPage();
  if (!current || current.store.connectionState === "over" || isSomebodyElses(dataset, current)) {
    current = replaceSession(dataset);
  } else {
    current.store.updateCounters(dataset);
  }
  elements.add(element);
  const { store, connection } = current;
  const wasKept = element.hasAttribute("data-joined"); // by what swaps bodies, for whoever comes back (live_element.js)
  if (wasKept) store.markUnverified();
  connection.start();
  if (!store.isVerified) connection.verify();
  return current;
}

/** @param {HTMLElement} element */
export function leaveSession(element) {
  const session = current;
  const others = elements;
  others.delete(element);
  setTimeout(() => {
    const isUnused = others.size === 0; // a swap puts the next ones in at once
    if (isUnused) session?.connection.leave();
  });
}

/**
 * Find what says where the reader stands, among what shows the same one: while a body is swapped, the former reader's may
 * still be there.
 *
 * @param {HTMLElement} element
 */
function findSource(element) {
  const { position, reader } = element.dataset;
  if (position) return element;
  const sources = [...document.querySelectorAll("notification-bell, notification-list, notification-detail")].map(
    (each) => /** @type {HTMLElement} */ (each),
  );
  return sources.find((each) => each.dataset.reader === reader) ?? sources[0];
}

/**
 * A site's own template may not say whose it is; then the inbox's epoch does.
 *
 * @param {DOMStringMap} dataset
 * @param {Session} session
 */
function isSomebodyElses({ reader, position }, session) {
  if (reader && session.reader) return reader !== session.reader;
  return !isSameEpoch(position, session.store.position);
}

/** @param {DOMStringMap} dataset */
function replaceSession(dataset) {
  current?.end();
  elements = new Set();
  const [navigation] = performance.getEntriesByType("navigation");
  const isBack = /** @type {PerformanceNavigationTiming | undefined} */ (navigation)?.type === "back_forward";
  const session = new Session({
    reader: dataset.reader,
    streamUrl: dataset.streamUrl ?? "",
    pollUrl: dataset.pollUrl,
    counters: dataset,
    isFreshPage: !isBack,
    isLookedAt: () => !document.hidden,
    readCsrfField,
  });
  if (isBack && !document.querySelector("notification-list, notification-detail")) {
    session.store.markUnverified(); // no browser stores a page with one of these
  }
  return session;
}

/** Follow the page as it hides, sleeps and returns. */
function followPage() {
  on("pagehide", (session) => {
    session.store.markUnverified(); // "back" may bring this very page to somebody else
    session.connection.leave();
  });
  on("freeze", (session) => session.connection.stop()); // must not lead
  for (const event of ["pageshow", "resume"]) {
    on(event, (session) => {
      if (elements.size > 0) session.connection.start();
    });
  }
  on("visibilitychange", (session) => {
    if (!document.hidden) session.connection.check();
  });
  on("offline", (session) => session.store.setConnectionState("offline"));
  on("online", (session) => session.connection.check({ isNetworkNew: true }));
}

/**
 * @param {string} event of the window, or of the document
 * @param {(session: Session) => void} react
 */
function on(event, react) {
  const isCapturing = true; // the document's reach the window too
  addEventListener(event, () => current && react(current), isCapturing);
}
