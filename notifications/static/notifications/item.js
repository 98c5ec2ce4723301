/** One item, in a list or a toast: made from the `<template>`, filled by `textContent`, never by markup. */

import { find, isFollowable } from "./element.js";
import { showTime } from "./words.js";

/** Return what the server's markup says of an item. */
export function rowOf(made) {
	const { id, modseq, read, archived } = made.dataset;
	return { id: Number(id), modseq: Number(modseq), isRead: read === "", isArchived: archived === "", made };
}

export function show(list, { id, modseq, isRead, isArchived, item, made }, element = made) {
	element ??= list.querySelector("template").content.firstElementChild.cloneNode(true);
	if (item && Number(element.dataset.modseq) !== modseq) fill(element, item, list);
	Object.assign(element.dataset, { id, modseq });
	element.toggleAttribute("data-read", !!isRead);
	element.toggleAttribute("data-archived", !!isArchived);
	return element;
}

function fill(element, item, list) {
	const { level, title, url, data, created_at } = item;
	const { done = 0, total, state = "" } = data?.progress ?? {};
	const [link, time, bar, box] = ["link", "time", "progress", "select"].map((name) => find(element, `item__${name}`));
	element.dataset.level = level;
	element.querySelector("use").setAttribute("href", `#notification-level-${level}`);
	find(element, "item__level").textContent = list.getAttribute(`data-level-${level}`);
	for (const field of element.querySelectorAll("[data-field]")) field.textContent = item[field.dataset.field];
	if (isFollowable(url)) link.href = url;
	else link.removeAttribute("href");
	if (box) box.ariaLabel = list.dataset.select.replace("{title}", () => title);
	if (!time) return; // a toast
	time.dateTime = created_at;
	showTime(time);
	bar.dataset.state = state;
	bar.max = total || 1;
	bar.value = done;
	if (!total) bar.removeAttribute("value");
}
