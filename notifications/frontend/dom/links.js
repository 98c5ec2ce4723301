// @ts-check
/** Where links lead, and what they load. */

import { findPart } from "./parts.js";

const FOLLOWABLE = /^(\/(?![/\\])|https?:\/\/)/i;

/**
 * Whether an address leads to this site or to the web, and runs nothing.
 *
 * @param {string} url
 */
export function isFollowable(url) {
  return FOLLOWABLE.test(url);
}

/**
 * Where the title of a notification leads: to its own link, or else to the page that shows it.
 *
 * @param {{id: number, url: string}} item
 * @param {string} [pattern] the address of the page of the notification 0
 */
export function addressOf({ id, url }, pattern = "") {
  if (isFollowable(url)) return url;
  return pattern.replace(/0(?=\/?$)/, `${id}`);
}

/**
 * Show the link that brings a reader who was logged out back to this page.
 *
 * @param {ParentNode} root
 * @param {boolean} isNeeded
 */
export function showLogin(root, isNeeded) {
  const link = /** @type {HTMLAnchorElement | null} */ (findPart(root, "login"));
  if (!link) return;
  const url = new URL(link.href);
  url.searchParams.set("next", location.pathname + location.search);
  link.href = `${url}`;
  link.hidden = !isNeeded;
}

/**
 * The styles that come with a part of another page. What it would load ahead is loaded by whoever shows the part.
 *
 * @param {ParentNode} page
 */
export function findStyles(page) {
  return [...page.querySelectorAll("link")].filter(({ rel }) => rel === "stylesheet");
}

/**
 * Let what comes from another page load its styles in this one: a policy with nonces has a new one for each page.
 *
 * @param {Iterable<HTMLElement>} elements
 */
export function allowByNonce(elements) {
  const allowed = /** @type {HTMLElement | null} */ (document.querySelector("[nonce]"));
  if (!allowed) return;
  for (const element of elements) element.nonce = allowed.nonce; // the attribute is hidden, so no selector can steal it
}
