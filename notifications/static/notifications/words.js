/** Counts and times in the page's language. */

const UNIT_SECONDS = { year: 31_536_000, month: 2_592_000, week: 604_800, day: 86_400, hour: 3_600, minute: 60 };

export function language() {
	try {
		return Intl.getCanonicalLocales(document.documentElement.lang)[0];
	} catch {
		return navigator.language; // "en_US" is none
	}
}

export const counted = (phrase, count) => (count ? phrase.replace("{count}", count.toLocaleString(language())) : "");

export function relative(then, now = Date.now()) {
	const seconds = Math.max(0, (now - then) / 1000); // clocks differ
	const [unit, length] = Object.entries(UNIT_SECONDS).find(([, length]) => seconds >= length) ?? ["second", Infinity];
	return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(-Math.floor(seconds / length), unit);
}

export function showTime(time) {
	const moment = new Date(time.dateTime);
	time.textContent = relative(moment);
	time.title = moment.toLocaleString(language(), { dateStyle: "full", timeStyle: "short" });
}
