// @ts-check
/**
 * What a reader looks for, from one line of text: reading/search.py says how it is meant. What arrives is judged as the server
 * would. tests/fixtures/search.json has the cases that both must pass.
 */

/** @import { Item } from "./store.js" */

/**
 * What is looked for; what is empty narrows nothing. Dates as they were written: `2026-11-01`.
 * @typedef {object} Search
 * @property {string[]} words
 * @property {string[]} senders
 * @property {string[]} categories
 * @property {string[]} states
 * @property {string | null} after
 * @property {string | null} before
 * @property {string[]} bad_dates
 */

const SEAM = "\0"; // in no text of ours, and in nothing that is looked for
const STATES = ["unread", "read", "archived"];
const FIRST_YEAR = 1970;
const LAST_YEAR = 9998;

/** An operator with its value, a text in quotes, which may lack the last one, or a word. */
const PART = /(?:([A-Za-z]+):)?"([^"]*)(?:"|$)|(\S+)/g;
const OPERATOR = /^([A-Za-z]+):(.*)$/s;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/**
 * @param {string} text
 * @returns {Search}
 */
export function parseSearch(text) {
  /** @type {string[]} */
  const words = [];
  /** @type {Map<string, string[]>} */
  const values = new Map(["from", "in", "is", "after", "before"].map((name) => [name, []]));
  for (const match of text.matchAll(PART)) {
    const { name, value, word } = readPart(match);
    const operator = name.toLowerCase();
    const found = values.get(operator);
    const isOperator = found && (operator !== "is" || !value || STATES.includes(value.toLowerCase()));
    if (isOperator && value) found.push(value);
    if (!isOperator && word) words.push(word);
  }
  const [after, before] = ["after", "before"].map((name) => values.get(name) ?? []);
  return {
    words,
    senders: values.get("from") ?? [],
    categories: values.get("in") ?? [],
    states: [...new Set(values.get("is")?.map((state) => state.toLowerCase()))].sort(),
    after: after.filter(isDate).sort().at(-1) ?? null,
    before: before.filter(isDate).sort()[0] ?? null,
    bad_dates: [...after, ...before].filter((date) => !isDate(date)),
  };
}

/**
 * An operator's name, its value, and what it is where it is none.
 *
 * @param {string[]} match
 */
function readPart([, quotedName = "", quoted = "", word]) {
  if (word === undefined) {
    const value = quoted.trim();
    return { name: quotedName, value, word: quotedName ? `${quotedName}:${value}` : value };
  }
  const [, name = "", value = word] = OPERATOR.exec(word) ?? [];
  return { name, value, word };
}

/** @param {string} text */
function isDate(text) {
  const [, year, month, day] = (DATE.exec(text) ?? []).map(Number);
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR)) return false;
  const date = new Date(year, month - 1, day);
  return date.getMonth() === month - 1 && date.getDate() === day;
}

/**
 * Whether a search allows the state of a row; nothing is in two.
 *
 * @param {Search} search
 * @param {{isRead: boolean, isArchived: boolean}} row
 */
export function matchesState({ states }, { isRead, isArchived }) {
  const inInbox = isRead ? "read" : "unread";
  const state = isArchived ? "archived" : inInbox;
  return states.every((each) => each === state);
}

/**
 * Whether a search finds an item, whatever its state.
 *
 * @param {Search} search
 * @param {Pick<Item, "title" | "body" | "actor" | "category" | "created_at">} item
 * @param {string} [zone] the time zone whose days are meant
 */
export function matchesItem({ words, senders, categories, after, before }, item, zone) {
  const { title, body, actor, category } = item;
  const holds = (/** @type {string} */ text, /** @type {string[]} */ parts) => {
    const folded = parts.length > 0 ? foldCase(text) : "";
    return parts.every((part) => folded.includes(foldCase(part)));
  };
  if (!holds(actor, senders) || !holds(category, categories)) return false;
  const sentOn = after || before ? dayOf(item.created_at, zone) : "";
  if (after && sentOn < after) return false;
  if (before && sentOn >= before) return false;
  return holds([title, body, actor, category].join(SEAM), words);
}

const MINUTE_MS = 60_000;

/** A time zone without a name, as Python calls it: `+0530`. Not every browser knows such a one. */
const OFFSET = /^([+-])(\d\d)(\d\d)$/;

/** A formatter costs a hundred times what its use costs. @type {Map<string | undefined, Intl.DateTimeFormat>} */
const dayFormats = new Map();

/**
 * The day of a moment in a time zone, in the form of a search's dates.
 *
 * @param {string} moment
 * @param {string} [zone]
 */
function dayOf(moment, zone) {
  const sentMs = Date.parse(moment);
  const [, sign, hours, minutes] = OFFSET.exec(zone ?? "") ?? [];
  if (sign) {
    const offsetMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
    return new Date(sentMs + (sign === "-" ? -offsetMs : offsetMs)).toISOString().slice(0, 10);
  }
  if (!dayFormats.has(zone)) dayFormats.set(zone, makeDayFormat(zone));
  const parts = dayFormats.get(zone)?.formatToParts(sentMs) ?? [];
  const [year, month, day] = ["year", "month", "day"].map((name) => parts.find(({ type }) => type === name)?.value);
  return `${year}-${month}-${day}`;
}

/**
 * A formatter by the days of a zone; by the browser's own, where it does not know the server's.
 *
 * @param {string} [timeZone] such as `Europe/Vienna`
 */
function makeDayFormat(timeZone) {
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { calendar: "gregory", numberingSystem: "latn", year: "numeric", month: "2-digit", day: "2-digit" };
  try {
    return new Intl.DateTimeFormat("en", { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat("en", options);
  }
}

/**
 * Make upper and lower case alike, as Python's `casefold()` does: ß as ss, both small sigmas as one, ı not as i.
 *
 * @param {string} text
 */
function foldCase(text) {
  const parts = text.split("ı").map((part) => part.toUpperCase().toLowerCase().replaceAll("ς", "σ"));
  return parts.join("ı");
}
