/** A key presses what names it in `aria-keyshortcuts`; j and k step. What is selected goes before what has the focus. */

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
	const aim = STEPS[key] ? step : findNamed(key, list, item);
	if (!aim) return;
	event.preventDefault();
	if (aim.matches("li, [type=search]")) aim.focus();
	else aim.click();
}

function findNamed(key, list, item) {
	const named = [...list.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(key)}"]`)];
	const isForSelection = (each) => each.closest(".notification-selection__actions");
	const forSelection = named.find(isForSelection);
	if (list.hasSelection && forSelection) return forSelection;
	return named.find((each) => !isForSelection(each) && (!each.closest("li") || item?.contains(each)));
}
