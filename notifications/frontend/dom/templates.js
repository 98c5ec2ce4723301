// @ts-check
/** Items and toasts: clones of a `<template>`, filled by `textContent`. */

import { fillAvatar } from "./avatar.js";
import { formatNumber, showTime } from "./format.js";
import { addressOf } from "./links.js";
import { findPart, setPart } from "./parts.js";

/** @import { Row } from "../state/list_state.js" */
/** @import { Item, Progress } from "../state/store.js" */

/**
 * What is shown: a row, or what stands for many of them.
 * @typedef {Pick<Row, "id" | "modseq" | "element"> & {
 *   isRead?: boolean, isArchived?: boolean, item?: ShownItem}} ShownRow
 * @typedef {Pick<Item, "level" | "title" | "body" | "url"> & Partial<Item>} ShownItem
 */

const IS_ITEM = ":scope > [data-id]";

/**
 * What a parent shows of rows.
 *
 * @param {Element} parent
 */
export function readItems(parent) {
  return [...parent.querySelectorAll(IS_ITEM)].map((item) => /** @type {HTMLElement} */ (item));
}

/** @param {HTMLElement} element */
export function readId(element) {
  return Number(element.dataset.id);
}

/**
 * Read what the server has made.
 *
 * @param {HTMLElement} element
 * @returns {Row}
 */
export function readRow(element) {
  const { modseq, read, archived } = element.dataset;
  const isRead = read !== undefined;
  const isArchived = archived !== undefined;
  return { id: readId(element), modseq: Number(modseq), isRead, isArchived, element };
}

/**
 * Show these rows in a parent, in their order, and no others. Only what must move is moved: it loses the focus.
 *
 * @param {HTMLElement} owner has the template, and the words for it
 * @param {HTMLElement} parent
 * @param {ShownRow[]} rows
 * @returns {HTMLElement[]} what shows them
 */
export function renderRows(owner, parent, rows) {
  const before = readItems(parent);
  const byId = new Map(before.map((element) => [readId(element), element]));
  const items = rows.map((row) => {
    const known = byId.get(row.id) ?? /** @type {HTMLElement | undefined} */ (row.element);
    return renderRow(owner, row, known ?? cloneTemplate(owner));
  });
  for (const element of before) {
    if (!items.includes(element)) element.remove();
  }
  let place = parent.querySelector(IS_ITEM);
  for (const item of items) {
    if (item === place) place = findNextItem(place);
    else parent.insertBefore(item, place);
  }
  return items;
}

/**
 * @param {Element} item
 * @returns {Element | null}
 */
function findNextItem(item) {
  const next = item.nextElementSibling;
  if (!next || next.hasAttribute("data-id")) return next;
  return findNextItem(next);
}

/** @param {HTMLElement} owner */
function cloneTemplate(owner) {
  const template = /** @type {HTMLTemplateElement} */ (owner.querySelector("template"));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}

/**
 * @param {HTMLElement} owner
 * @param {ShownRow} row
 * @param {HTMLElement} element
 */
function renderRow(owner, { id, modseq, isRead, isArchived, item }, element) {
  if (item && Number(element.dataset.modseq) !== modseq) fillItem(owner, element, item);
  element.dataset.id = `${id}`;
  element.dataset.modseq = `${modseq}`;
  element.toggleAttribute("data-read", Boolean(isRead));
  element.toggleAttribute("data-archived", Boolean(isArchived));
  return element;
}

/**
 * @param {HTMLElement} owner
 * @param {HTMLElement} element
 * @param {ShownItem} item
 */
function fillItem(owner, element, item) {
  const { level, title, actor = "" } = item;
  const lead = leadOf(title, actor);
  const isOfNote = level !== "info";
  element.dataset.level = level;
  element.toggleAttribute("data-led", lead !== "");
  setPart(element, "item__level", { textContent: isOfNote ? owner.getAttribute(`data-level-${level}`) : "" });
  setPart(element, "item__select", { ariaLabel: owner.dataset.labelSelect?.replace("{title}", () => title) });
  const done = describeProgress(owner.dataset.labelDone, item.data?.progress);
  const shown = { ...item, actor, lead, rest: title.slice(lead.length), done };
  for (const field of element.querySelectorAll("[data-field]")) {
    const name = /** @type {keyof typeof shown} */ (/** @type {HTMLElement} */ (field).dataset.field);
    field.textContent = `${shown[name] ?? ""}`;
  }
  const avatar = findPart(element, "avatar");
  if (avatar) fillAvatar(avatar, shown);
  const link = /** @type {HTMLAnchorElement | null} */ (findPart(element, "item__link"));
  const address = addressOf({ id: 0, ...item }, owner.dataset.detailUrl);
  if (address) link?.setAttribute("href", address);
  else link?.removeAttribute("href");
  const time = /** @type {HTMLTimeElement | null} */ (findPart(element, "item__time"));
  if (time) {
    time.dateTime = item.created_at ?? "";
    delete time.dataset.isNamed;
    showTime(time);
  }
  const bar = /** @type {HTMLProgressElement | null} */ (findPart(element, "item__progress"));
  if (bar) fillProgress(bar, item.data?.progress);
}

/**
 * @param {HTMLProgressElement} bar
 * @param {Progress} [progress]
 */
function fillProgress(bar, progress) {
  bar.dataset.state = progress?.state ?? "";
  if (progress?.total) {
    bar.max = progress.total;
    bar.value = progress.done;
  } else {
    bar.removeAttribute("value");
  }
}

/**
 * How much of how much is done, where it is known how much there is.
 *
 * @param {string} [phrase] with `{done}` and `{total}`
 * @param {Progress} [progress]
 */
function describeProgress(phrase = "", progress = undefined) {
  if (!progress?.total) return "";
  return phrase.replace("{done}", formatNumber(progress.done)).replace("{total}", formatNumber(progress.total));
}

/** Chinese and Japanese have no spaces between words. */
const WRITTEN_TOGETHER = /^[\u2E80-\u9FFF\uF900-\uFAFF\u{20000}-\u{3FFFF}]/u;

/**
 * The sender where the title begins with it, to be shown in bold.
 *
 * @param {string} title
 * @param {string} actor
 */
export function leadOf(title, actor) {
  if (!actor || !title.startsWith(actor)) return "";
  const rest = title.slice(actor.length);
  return /^[\p{L}\p{N}]/u.test(rest) && !WRITTEN_TOGETHER.test(rest) ? "" : actor;
}
