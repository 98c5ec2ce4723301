// @ts-check
/** The heads of the days in a list. They stand between its items and are none. */

import { formatDay } from "./format.js";
import { findPart } from "./parts.js";

/** When an item was, and on which day: it never changes. @type {WeakMap<HTMLElement, {moment: Date, key: string}>} */
const days = new WeakMap();

/** @param {Date} moment */
const keyOf = (moment) =>
  [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map((part) => `${part}`.padStart(2, "0")).join("-");

/** @param {HTMLElement} item */
function dayOf(item) {
  const known = days.get(item);
  if (known) return known;
  const time = /** @type {HTMLTimeElement | null} */ (findPart(item, "item__time"));
  if (!time?.dateTime) return undefined;
  const moment = new Date(time.dateTime);
  const day = { moment, key: keyOf(moment) };
  days.set(item, day);
  return day;
}

/**
 * Put a head before the first item of each day, where the reader is. What is right already is not touched.
 *
 * @param {HTMLElement} owner has the template of a head; without one there are none
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items in their order
 */
export function renderDays(owner, list, items) {
  const template = /** @type {HTMLTemplateElement | null} */ (findPart(owner, "day-template"));
  if (!template) return;
  const heads = [...list.children].filter((child) => child.classList.contains("notification-day"));
  const before = heads.map((head) => /** @type {HTMLElement} */ (head));
  const byKey = new Map(before.map((day) => [day.dataset.day, day]));
  const shown = new Set();
  let latest = "";
  for (const item of items) {
    const day = dayOf(item);
    if (!day || day.key === latest) continue;
    latest = day.key;
    const known = byKey.get(day.key);
    const head = known && !shown.has(known) ? known : cloneHead(template, day.key); // a day may come twice: ids say the order
    showName(head, day.moment);
    if (item.previousElementSibling !== head) item.before(head);
    shown.add(head);
  }
  for (const head of before) {
    if (!shown.has(head)) head.remove();
  }
}

/**
 * @param {HTMLTemplateElement} template
 * @param {string} key
 */
function cloneHead(template, key) {
  const head = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  head.dataset.day = key;
  return head;
}

/**
 * @param {HTMLElement} head
 * @param {Date} moment
 */
function showName(head, moment) {
  const name = findPart(head, "day__name");
  const text = formatDay(moment);
  if (name && name.textContent !== text) name.textContent = text;
}
