/** A key presses what names it in `aria-keyshortcuts`; j and k step. */

import { isOn } from "./settings.js";

const STEPS = { j: 1, k: -1 };

export function press(event, list) {
	const { key, target, altKey, ctrlKey, metaKey } = event;
	const { items } = list;
	const item = target.closest("li.notification-item");
	if (target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog")) return;
	if (!isOn("shortcuts") || !(list.isPage || list.contains(target))) return;
	if (altKey || ((ctrlKey || metaKey) && key !== "z")) return;
	if (key === "Enter" && !target.matches("li, input")) return;
	const step = item
		? items[items.indexOf(item) + STEPS[key]]
		: items.find((each) => each.getBoundingClientRect().top >= 0);
	const named = [...list.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(key)}"]`)];
	const aim = STEPS[key] ? step : named.find((each) => !each.closest("li") || item?.contains(each));
	if (!aim) return;
	event.preventDefault();
	if (aim.matches("li, [type=search]")) aim.focus();
	else aim.click();
}
