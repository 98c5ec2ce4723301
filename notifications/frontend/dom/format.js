// @ts-check
/** Counts and times in the page's language. */

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;

/** A formatter costs a hundred times what its use costs. @type {Map<string, any>} */
const formatters = new Map();

/** The page's language, or the browser's where Intl does not know that: "en_US" is none. */
export function pageLanguage() {
  try {
    return Intl.getCanonicalLocales(document.documentElement.lang)[0];
  } catch {
    return navigator.language;
  }
}

/**
 * Put a count into a phrase; none is the empty text.
 *
 * @param {string} phrase with `{count}`
 * @param {number} count
 */
export function formatCount(phrase, count) {
  if (!count) return "";
  return phrase.replace("{count}", numberFormat().format(count));
}

/** @param {number} number */
export function formatNumber(number) {
  return number.toLocaleString(pageLanguage(), { maximumFractionDigits: 2 });
}

/**
 * A formatter of the page's language, made once.
 *
 * @template F
 * @param {string} name
 * @param {(language: string) => F} make
 * @returns {F}
 */
function remember(name, make) {
  const language = pageLanguage();
  const key = `${language} ${name}`;
  if (!formatters.has(key)) formatters.set(key, make(language));
  return formatters.get(key);
}

/**
 * @param {string} name
 * @param {Intl.DateTimeFormatOptions} options
 */
const dateFormat = (name, options) => remember(name, (language) => new Intl.DateTimeFormat(language, options));

/** @param {"minute" | "hour"} unit */
const unitFormat = (unit) =>
  remember(unit, (language) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "narrow" }));

const numberFormat = () => remember("number", (language) => new Intl.NumberFormat(language));

const relativeFormat = () =>
  remember("relative", (language) => new Intl.RelativeTimeFormat(language, { numeric: "auto" }));

/**
 * How many midnights lie between two moments, where the reader is.
 *
 * @param {Date} then
 * @param {Date} now
 */
function countDays(then, now) {
  const midnight = (/** @type {Date} */ moment) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(now) - midnight(then)) / DAY_MS);
}

/**
 * When something was, in few letters: "now", "3m", "5h", "Sun 23:40", "25 Nov", "25 Nov 2024".
 *
 * @param {number} thenMs
 * @param {number} [nowMs]
 */
export function formatShortTime(thenMs, nowMs = Date.now()) {
  const passedMs = nowMs - thenMs;
  if (passedMs < MINUTE_MS) return relativeFormat().format(0, "second"); // also what is to come: clocks differ
  if (passedMs < HOUR_MS) return unitFormat("minute").format(Math.floor(passedMs / MINUTE_MS));
  if (passedMs < DAY_MS) return unitFormat("hour").format(Math.floor(passedMs / HOUR_MS));
  const then = new Date(thenMs);
  const now = new Date(nowMs);
  if (countDays(then, now) < WEEK_DAYS) {
    return dateFormat("weekday", { weekday: "short", hour: "numeric", minute: "2-digit" }).format(then);
  }
  const isThisYear = then.getFullYear() === now.getFullYear();
  if (isThisYear) return dateFormat("day", { day: "numeric", month: "short" }).format(then);
  return dateFormat("date", { day: "numeric", month: "short", year: "numeric" }).format(then);
}

/**
 * What a day is called: "Today", "Yesterday", "Wednesday, November 25".
 *
 * @param {Date} day
 * @param {Date} [now]
 */
export function formatDay(day, now = new Date()) {
  const days = countDays(day, now);
  if (days <= 1) return capitalise(relativeFormat().format(-Math.max(days, 0), "day"));
  const isThisYear = day.getFullYear() === now.getFullYear();
  if (isThisYear) return dateFormat("long day", { weekday: "long", day: "numeric", month: "long" }).format(day);
  return dateFormat("long date", { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(day);
}

/** @param {string} text */
function capitalise(text) {
  const [first = "", ...rest] = text;
  return first.toLocaleUpperCase(pageLanguage()) + rest.join("");
}

/** @param {HTMLTimeElement} time */
export function showTime(time) {
  const moment = new Date(time.dateTime);
  const text = formatShortTime(moment.getTime());
  if (time.textContent !== text) time.textContent = text;
  if (!time.dataset.isNamed) {
    time.title = dateFormat("full", { dateStyle: "full", timeStyle: "short" }).format(moment);
    time.dataset.isNamed = "";
  }
}

/**
 * Show a moment in full, by the reader's own clock.
 *
 * @param {HTMLTimeElement} time
 */
export function showFullTime(time) {
  const moment = new Date(time.dateTime);
  time.textContent = moment.toLocaleString(pageLanguage(), { dateStyle: "full", timeStyle: "short" });
}
