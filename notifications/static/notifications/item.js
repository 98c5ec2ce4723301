/** Items and toasts: clones of a `<template>`, filled by `textContent`. */

import { find, isFollowable, set } from "./element.js";
import { showTime } from "./words.js";

export const idOf = (element) => Number(element.dataset.id);

export function rowOf(made) {
	const { modseq, read, archived } = made.dataset;
	return { id: idOf(made), modseq: Number(modseq), isRead: read === "", isArchived: archived === "", made };
}

/** Move only what must move: it loses the focus. */
export function render(owner, parent, rows) {
	const old = new Map(Array.from(parent.querySelectorAll(":scope > [data-id]"), (each) => [idOf(each), each]));
	const items = rows.map((row) => show(owner, row, old.get(row.id) ?? row.made));
	for (const element of old.values()) if (!items.includes(element)) element.remove();
	for (const [index, item] of items.entries())
		if (parent.children[index] !== item) parent.insertBefore(item, parent.children[index]);
	return items;
}

function show(owner, { id, modseq, isRead, isArchived, item }, element) {
	element ??= owner.querySelector("template").content.firstElementChild.cloneNode(true);
	if (item && Number(element.dataset.modseq) !== modseq) fill(element, item, owner);
	Object.assign(element.dataset, { id, modseq });
	element.toggleAttribute("data-read", !!isRead);
	element.toggleAttribute("data-archived", !!isArchived);
	return element;
}

function fill(element, item, owner) {
	const { level, title, url, data } = item;
	const { done, total, state = "" } = data?.progress ?? {};
	const [link, time, bar] = ["link", "time", "progress"].map((name) => find(element, `item__${name}`));
	element.dataset.level = level;
	element.querySelector("use").setAttribute("href", `#notification-level-${level}`);
	set(element, "item__level", { textContent: owner.getAttribute(`data-level-${level}`) });
	set(element, "item__select", { ariaLabel: owner.dataset.select?.replace("{title}", () => title) });
	for (const field of element.querySelectorAll("[data-field]")) field.textContent = item[field.dataset.field];
	if (isFollowable(url)) link.href = url;
	else link.removeAttribute("href");
	if (!time) return; // a toast
	time.dateTime = item.created_at;
	showTime(time);
	bar.dataset.state = state;
	bar.removeAttribute("value");
	if (total) Object.assign(bar, { max: total, value: done });
}
