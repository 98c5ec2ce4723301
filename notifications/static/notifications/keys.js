// @ts-check
/** The keyboard: what the help of the centre lists. Off while something is typed, or where the reader turned it off. */

import { find } from "./item.js";

const CLICKS = { o: "link", Enter: "link", u: "read", e: "archive", "#": "delete", Delete: "delete", x: "select" };
const STEPS = { j: 1, k: -1 };

export function press(event, list) {
	const { key, target, altKey } = event;
	const isElsewhere = target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");
	const isOff = localStorage.getItem("notifications.shortcuts") === "off";
	if (isElsewhere || isOff || altKey || !(list.isPage || list.contains(target))) return;
	if ((event.ctrlKey || event.metaKey) && key !== "z") return;
	if (key === "Enter" && !target.matches("li, input")) return; // links and buttons know what to do
	if (act(key, target.closest("li.notification-item"), list)) event.preventDefault();
}

/** Do what a key stands for; return whether it stands for anything. */
function act(key, item, list) {
	const name = CLICKS[key];
	if (name && item) find(item, `item__${name}`)?.click();
	else if (STEPS[key]) step(list.items, item, STEPS[key])?.focus();
	else if (key === "z") list.actions.undo();
	else if (key === "/") find(list, "filters__search")?.focus();
	else if (key === "?") find(list, "help")?.togglePopover();
	else return false;
	return true;
}

function step(items, item, by) {
	return item ? items[items.indexOf(item) + by] : items.find((each) => each.getBoundingClientRect().top >= 0);
}
