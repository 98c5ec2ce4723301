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
 */
export function matchesItem({ words, senders, categories, after, before }, item) {
  const { title, body, actor, category } = item;
  const holds = (/** @type {string} */ text, /** @type {string[]} */ parts) => {
    const folded = parts.length > 0 ? foldCase(text) : "";
    return parts.every((part) => folded.includes(foldCase(part)));
  };
  if (!holds(actor, senders) || !holds(category, categories)) return false;
  const sentMs = Date.parse(item.created_at);
  if (after && sentMs < beginOf(after)) return false;
  if (before && sentMs >= beginOf(before)) return false;
  return holds([title, body, actor, category].join(SEAM), words);
}

/**
 * When a day begins, in milliseconds, by the reader's clock.
 *
 * @param {string} date
 */
function beginOf(date) {
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year, month - 1, day).getTime();
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
