// @ts-check
/** Times as people say them: "5 minutes ago", in the page's language. */

// from the longest; the seconds in each
const UNITS = [
	["year", 31_536_000],
	["month", 2_592_000],
	["week", 604_800],
	["day", 86_400],
	["hour", 3_600],
	["minute", 60],
];

/** Say how long before `now` a moment was (ms since 1970). A clock that goes slow must not put it into the future. */
export function relative(then, now, language) {
	const seconds = Math.max(0, (now - then) / 1000);
	const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", Infinity]; // "now"
	return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-Math.floor(seconds / length), unit);
}

/** Return an element's language, or the page's, for `Intl`; the browser's where neither is one ("en_US" is none). */
export function languageOf(element) {
	try {
		return Intl.getCanonicalLocales((element.closest("[lang]") ?? document.documentElement).lang)[0];
	} catch {
		return navigator.language;
	}
}

/** Write the relative time into a `<time datetime>`, and the exact one where the pointer shows it. */
export function showTime(time) {
	const language = languageOf(time);
	const moment = new Date(time.dateTime);
	time.textContent = relative(moment.getTime(), Date.now(), language);
	time.title ||= new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" }).format(moment);
}
