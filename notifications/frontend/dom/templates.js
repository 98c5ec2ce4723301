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

/** As what an element shows its row: what is right already is not touched. @type {WeakMap<HTMLElement, ShownRow>} */
const shownRows = new WeakMap();

/**
 * What a parent shows of rows.
 *
 * @param {Element} parent
 */
export function readItems(parent) {
  // A selector would be held against whatever the rows hold as well.
  return [...parent.children].filter(isItem).map((item) => /** @type {HTMLElement} */ (item));
}

/** @param {Element} element */
const isItem = (element) => element.hasAttribute("data-id");

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
  const shown = new Set(items);
  for (const element of before) {
    if (!shown.has(element)) element.remove();
  }
  arrange(parent, items);
  return items;
}

/**
 * Put items into a parent in their order; those that stand together come at once.
 *
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} items
 */
function arrange(parent, items) {
  let place = findItem(parent.firstElementChild);
  /** @type {HTMLElement[]} */
  let coming = [];
  const insert = () => {
    if (place) place.before(...coming);
    else parent.append(...coming);
    coming = [];
  };
  for (const item of items) {
    if (item !== place) {
      coming.push(item);
      continue;
    }
    insert();
    place = findItem(place.nextElementSibling);
  }
  insert();
}

/**
 * An element, or the next one that is an item.
 *
 * @param {Element | null} element
 */
function findItem(element) {
  let found = element;
  while (found && !isItem(found)) found = found.nextElementSibling;
  return found;
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
function renderRow(owner, row, element) {
  if (shownRows.get(element) === row) return element;
  const { id, modseq, isRead, isArchived, item } = row;
  if (item && Number(element.dataset.modseq) !== modseq) fillItem(owner, element, item);
  element.dataset.id = `${id}`;
  element.dataset.modseq = `${modseq}`;
  element.toggleAttribute("data-read", Boolean(isRead));
  element.toggleAttribute("data-archived", Boolean(isArchived));
  shownRows.set(element, row);
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
