// @ts-check
/** Times as people say them: "5 minutes ago", in the page's language. */

/** @type {[Intl.RelativeTimeFormatUnit, number][]} from the longest; the seconds in each */
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/**
 * Say how long ago a moment was. A clock that goes slow must not put a notification into the future.
 * @param {number} then ms since 1970, as is `now`
 * @param {number} now
 * @param {string} language
 */
export function relative(then, now, language) {
  const seconds = Math.max(0, (now - then) / 1000);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
  }
  return format.format(0, "second"); // "now"
}

/** Write the relative time into a `<time datetime>`, and the exact one where the pointer shows it. */
export function showTime(/** @type {HTMLTimeElement} */ time) {
  const language = time.closest("[lang]")?.getAttribute("lang") || navigator.language;
  const moment = new Date(time.dateTime);
  time.textContent = relative(moment.getTime(), Date.now(), language);
  time.title ||= new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" }).format(moment);
}
