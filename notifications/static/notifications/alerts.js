/** What reaches a reader who looks elsewhere: desktop notifications, a sound, marks on the site's icons. */

import { isFollowable } from "./element.js";
import { isOn } from "./settings.js";

const LOOKED_AT = "notifications:looked-at"; // a lock that visible tabs hold, and lose whatever happens to them
const desktop = new Map();
let leave = () => {};

/** Let the other tabs know whether this one is looked at. */
export function tellWhetherLookedAt() {
	leave();
	const stay = () => !document.hidden && new Promise((resolve) => (leave = resolve));
	navigator.locks?.request(LOOKED_AT, { mode: "shared" }, stay);
}

/** Say whether this tab is to alert: it leads, and none is looked at. Without locks tabs do not know of each other. */
export async function isChosen({ isLeading }) {
	const { held } = (await navigator.locks?.query()) ?? {};
	return !!held && isLeading && !held.some(({ name }) => name === LOOKED_AT);
}

/** Put an item on the desktop, in place of what has its id. */
export function alert(item, onOpen) {
	const { id, title, body, url } = item;
	if (!isOn("desktop") || Notification.permission !== "granted") return;
	try {
		const shown = new Notification(title, { body, tag: `notification-${id}` });
		desktop.set(id, { item, shown, onOpen });
		shown.onclick = () => {
			window.focus();
			onOpen(id);
			if (isFollowable(url)) window.open(url, "_blank", "noopener"); // this tab may hold somebody's work
			shown.close();
		};
	} catch {} // Android leaves them to service workers
}

/** Keep what is on the desktop as it is here. */
export function follow(news) {
	for (const [id, { item, shown, onOpen }] of desktop) {
		const [now] = news.among([id]);
		if (now && now !== item) alert(now, onOpen);
		if (!now && id && desktop.delete(id)) shown.close();
	}
}

/** Play a note, unless nobody has touched this page: then browsers refuse. */
export function chime() {
	if (!isOn("sound") || navigator.userActivation?.hasBeenActive === false) return;
	const audio = new AudioContext();
	const volume = new GainNode(audio, { gain: 0.1 });
	const note = new OscillatorNode(audio, { frequency: 880 });
	note.connect(volume).connect(audio.destination);
	volume.gain.exponentialRampToValueAtTime(0.001, 0.6);
	note.start();
	note.stop(0.6);
	note.onended = () => audio.close();
}

/** Put the count on the installed app's icon, and show the page's other icon, where it names one. */
export function mark(unread) {
	navigator.setAppBadge?.(unread).catch(() => {}); // 0 clears it; refused where nothing is installed
	for (const icon of document.querySelectorAll("link[data-unread]")) {
		icon.dataset.read ??= icon.href;
		icon.href = unread ? icon.dataset.unread : icon.dataset.read;
	}
}
