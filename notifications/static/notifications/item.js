// @ts-check
/** One item in the page: made from the `<template>`, filled by `textContent`, never by markup. */

import { showTime } from "./time.js";

/** @typedef {import("./store.js").Item} Item */
/** @typedef {import("./rows.js").Row} Row */

/** Say whether an address may stand in a link: on this site, or http(s). @param {string} url */
export function isFollowable(url) {
  return /^(\/(?![/\\])|https?:\/\/)/i.test(url);
}

/**
 * Make an empty item that belongs to this id.
 * @param {HTMLTemplateElement} template
 * @param {number} id
 * @returns {HTMLElement}
 */
export function make(template, id) {
  const element = /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
  element.dataset.id = String(id);
  for (const button of element.querySelectorAll("button")) {
    const ours = (/** @type {string} */ address) => address.replace(/\/0\/(?=[a-z]+\/$)/, `/${id}/`);
    button.setAttribute("formaction", ours(button.getAttribute("formaction") ?? ""));
    if (button.dataset.do) button.dataset.do = ours(button.dataset.do);
    if (button.dataset.undo) button.dataset.undo = ours(button.dataset.undo);
  }
  return element;
}

/**
 * Write what a notification says into its element.
 * @param {HTMLElement} element
 * @param {Item} item
 * @param {string} levelName in the reader's language
 */
export function fill(element, item, levelName) {
  const link = /** @type {HTMLAnchorElement} */ (part(element, "link"));
  const canFollow = isFollowable(item.url);
  element.dataset.level = item.level;
  part(element, "icon").firstElementChild?.setAttribute("href", `#notification-level-${item.level}`);
  part(element, "level").textContent = levelName;
  link.textContent = item.title;
  if (canFollow) link.href = item.url;
  else link.removeAttribute("href");
  part(element, "open").hidden = !item.url.startsWith("/");
  for (const name of /** @type {const} */ (["body", "actor"])) {
    part(element, name).textContent = item[name];
    part(element, name).hidden = !item[name];
  }
  part(element, "category").textContent = item.category;
  const time = /** @type {HTMLTimeElement} */ (part(element, "time"));
  time.dateTime = item.created_at;
  time.title = "";
  showTime(time);
}

/** Show whether an item is read and archived, and what its buttons do now. @param {HTMLElement} element @param {Row} row */
export function mark(element, row) {
  element.dataset.modseq = String(row.modseq);
  element.toggleAttribute("data-read", row.isRead);
  element.toggleAttribute("data-archived", row.isArchived);
  part(element, "unread").hidden = row.isRead;
  turn(part(element, "read"), row.isRead);
  turn(part(element, "archive"), row.isArchived);
}

/** Return the row that an element stands for. @param {HTMLElement} element @returns {Row} */
export function rowOf({ dataset }) {
  return {
    id: Number(dataset.id),
    modseq: Number(dataset.modseq),
    isRead: dataset.read !== undefined,
    isArchived: dataset.archived !== undefined,
  };
}

/** Let one button do or undo, so that the focus stays on it. @param {HTMLElement} button @param {boolean} isDone */
function turn(button, isDone) {
  const { dataset } = button;
  button.setAttribute("formaction", (isDone ? dataset.undo : dataset.do) ?? "");
  button.textContent = (isDone ? dataset.undoLabel : dataset.doLabel) ?? "";
}

/** @param {HTMLElement} element @param {string} name @returns {HTMLElement} */
function part(element, name) {
  return /** @type {HTMLElement} */ (element.querySelector(`.notification-item__${name}`));
}
