// @ts-check
/** What reaches a reader who looks elsewhere: desktop notifications, a sound, marks on the site's icons. */

import { isFollowable } from "./item.js";
import { isOn } from "./settings.js";

const LOOKED_AT = "notifications:looked-at"; // a lock that visible tabs hold, and lose whatever happens to them
const desktop = new Map();
let leave = () => {};
let isMarked = false;

/** Let the other tabs know whether this one is looked at. */
export function tellWhetherLookedAt() {
	leave();
	const stay = () => !document.hidden && new Promise((resolve) => (leave = () => resolve(0)));
	navigator.locks?.request(LOOKED_AT, { mode: "shared" }, stay);
}

/** Say whether this tab is to alert: it leads, and none is looked at. Without locks tabs do not know of each other. */
export async function isChosen(/** @type {{isLeading: boolean}} */ share) {
	const { held } = (await navigator.locks?.query()) ?? {};
	return !!held && share.isLeading && !held.some(({ name }) => name === LOOKED_AT);
}

/** Put an item on the desktop, in place of what has its id. */
export function show(item, onOpen) {
	if (!isOn("desktop") || Notification.permission !== "granted") return;
	const { id, title, body, url } = item;
	let shown;
	try {
		shown = new Notification(title, { body, tag: `notification-${id}` });
	} catch {
		return; // Android leaves them to service workers
	}
	desktop.set(id, { item, shown, onOpen });
	shown.onclick = () => {
		window.focus();
		onOpen(id);
		if (isFollowable(url)) window.open(url, "_blank", "noopener"); // this tab may hold somebody's work
		shown.close();
	};
}

/** Keep what is on the desktop as it is here. @param {import("./news.js").News} news */
export function follow(news) {
	for (const [id, { item, shown, onOpen }] of desktop) {
		const [now] = news.among([id]);
		if (now && now !== item) show(now, onOpen);
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

/** Put the count on the installed app's icon, and a dot on the page's. */
export function mark(/** @type {number} */ unread) {
	isMarked = unread > 0;
	navigator.setAppBadge?.(unread).catch(() => {}); // 0 clears it; refused where nothing is installed
	for (const link of document.querySelectorAll("link[rel~=icon]")) dot(link);
}

async function dot(link) {
	const icon = link.dataset;
	icon.plain ??= link.href;
	if (isMarked) icon.dotted ??= await draw(icon.plain).catch(() => icon.plain); // such as one of another origin
	link.href = isMarked ? icon.dotted : icon.plain;
}

/** Return an icon with a dot as a data URL. */
async function draw(src) {
	const image = Object.assign(new Image(), { src });
	await image.decode();
	const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
	const brush = canvas.getContext("2d");
	brush.drawImage(image, 0, 0, 64, 64);
	brush.fillStyle = "#e0284b";
	brush.arc(46, 18, 18, 0, 7);
	brush.fill();
	return canvas.toDataURL();
}
