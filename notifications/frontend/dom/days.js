// @ts-check
/** The heads of the days in a list. They stand between its items and are none. */

import { formatDay } from "./format.js";
import { findPart } from "./parts.js";

const IS_DAY = ":scope > .notification-day";

/** @param {Date} moment */
const keyOf = (moment) =>
  [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map((part) => `${part}`.padStart(2, "0")).join("-");

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
  const before = [...list.querySelectorAll(IS_DAY)].map((day) => /** @type {HTMLElement} */ (day));
  const byKey = new Map(before.map((day) => [day.dataset.day, day]));
  const shown = new Set();
  let latest = "";
  for (const item of items) {
    const time = /** @type {HTMLTimeElement | null} */ (findPart(item, "item__time"));
    if (!time?.dateTime) continue;
    const moment = new Date(time.dateTime);
    const key = keyOf(moment);
    if (key === latest) continue;
    latest = key;
    const known = byKey.get(key);
    const day = known && !shown.has(known) ? known : cloneDay(template, key); // a day may come twice: ids say the order
    showName(day, moment);
    if (item.previousElementSibling !== day) item.before(day);
    shown.add(day);
  }
  for (const day of before) {
    if (!shown.has(day)) day.remove();
  }
}

/**
 * @param {HTMLTemplateElement} template
 * @param {string} key
 */
function cloneDay(template, key) {
  const day = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  day.dataset.day = key;
  return day;
}

/**
 * @param {HTMLElement} day
 * @param {Date} moment
 */
function showName(day, moment) {
  const name = findPart(day, "day__name");
  const text = formatDay(moment);
  if (name && name.textContent !== text) name.textContent = text;
}
