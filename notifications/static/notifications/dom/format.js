// @ts-check
/** Counts and times in the page's language. */

/** From the largest on. @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNIT_SECONDS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

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
  return phrase.replace("{count}", count.toLocaleString(pageLanguage()));
}

/**
 * How long ago something was, in the largest unit that fits.
 *
 * @param {number} thenMs
 * @param {number} [nowMs]
 */
export function formatTimeAgo(thenMs, nowMs = Date.now()) {
  const seconds = Math.max(0, (nowMs - thenMs) / 1000); // clocks differ
  const format = new Intl.RelativeTimeFormat(pageLanguage(), { numeric: "auto" });
  for (const [unit, length] of UNIT_SECONDS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
  }
  return format.format(0, "second");
}

/** @param {HTMLTimeElement} time */
export function showTimeAgo(time) {
  const moment = new Date(time.dateTime);
  time.textContent = formatTimeAgo(moment.getTime());
  time.title = moment.toLocaleString(pageLanguage(), { dateStyle: "full", timeStyle: "short" });
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
