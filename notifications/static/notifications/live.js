// @ts-check
/** What all elements of a page share: one store and one line, following the page as it hides, sleeps and returns. */

import { isBehind, parse } from "./position.js";
import { Share } from "./share.js";
import { Store } from "./store.js";

/** @type {{store: Store, share: Share} | null} */
let page = null;

/** Return the page's store and line, started at the first call. */
export function live() {
  page ??= start();
  return page;
}

function start() {
  const elements = /** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("notification-bell, notification-list")
  );
  // The earliest of the positions: what another element knows already comes once more and changes nothing.
  const earliest = [...elements]
    .map((each) => each.dataset)
    .reduce((a, b) => (isBehind(b.position, a.position) ? b : a));
  const { position = "", unread, streamUrl = "" } = earliest;
  const store = new Store({ position, unread: Number(unread) });
  // An epoch belongs to one inbox, so tabs of two users never share.
  const share = new Share(`notifications:${streamUrl}:${parse(position).epoch}`, streamUrl, store);
  follow(store, share);
  share.start();
  return { store, share };
}

/** @param {Store} store @param {Share} share */
function follow(store, share) {
  const session = new AbortController();
  const { signal } = session;
  store.addEventListener("over", () => session.abort());
  // A page that holds a lock or a connection is not kept for the "back" button, and a frozen one must not lead.
  window.addEventListener("pagehide", () => share.stop(), { signal });
  window.addEventListener("pageshow", () => share.start(), { signal });
  document.addEventListener("freeze", () => share.stop(), { signal });
  document.addEventListener("resume", () => share.start(), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || share.check(), { signal });
  window.addEventListener("online", () => share.check({ isNetworkNew: true }), { signal });
}
