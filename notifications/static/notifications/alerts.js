/** What reaches a reader who looks elsewhere: desktop, sound, icons. */

import { isFollowable } from "./element.js";
import { isOn } from "./settings.js";

const LOOKED_AT = "notifications:looked-at"; // a lock that visible tabs hold
const desktop = new Map();
let leave = () => {};

export function tellWhetherLookedAt() {
	leave();
	const stay = () => !document.hidden && new Promise((resolve) => (leave = resolve));
	navigator.locks?.request(LOOKED_AT, { mode: "shared" }, stay);
}

/** Only a leading tab alerts, while none is looked at. Without locks tabs do not know of each other. */
export async function isChosen({ isLeading }) {
	const { held } = (await navigator.locks?.query()) ?? {};
	return !!held && isLeading && !held.some(({ name }) => name === LOOKED_AT);
}

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

export function follow(news) {
	for (const [id, { item, shown, onOpen }] of desktop) {
		const [now] = news.among([id]);
		if (now && now !== item) alert(now, onOpen);
		if (!now && id && desktop.delete(id)) shown.close();
	}
}

export function chime() {
	if (!isOn("sound") || navigator.userActivation?.hasBeenActive === false) return; // browsers refuse
	const audio = new AudioContext();
	const volume = new GainNode(audio, { gain: 0.1 });
	const note = new OscillatorNode(audio, { frequency: 880 });
	note.connect(volume).connect(audio.destination);
	volume.gain.exponentialRampToValueAtTime(0.001, 0.6);
	note.start();
	note.stop(0.6);
	note.onended = () => audio.close();
}

export function mark(unread) {
	navigator.setAppBadge?.(unread).catch(() => {}); // where nothing is installed
	for (const icon of document.querySelectorAll("link[data-unread]")) {
		icon.dataset.read ??= icon.href;
		icon.href = unread ? icon.dataset.unread : icon.dataset.read;
	}
}
