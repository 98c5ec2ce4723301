// @ts-check
/** Where links lead. */

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
