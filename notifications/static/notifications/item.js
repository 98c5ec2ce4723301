// @ts-check
/** One item in the page: made from the `<template>`, filled by `textContent`, never by markup. */

import { showTime } from "./time.js";

export const find = (root, name) => root.querySelector(`.notification-${name}`);

/** Say whether an address may stand in a link: on this site, or http(s). */
export const isFollowable = (url) => /^(\/(?![/\\])|https?:\/\/)/i.test(url);

export const rowOf = ({ dataset: { id, modseq, read, archived } }) => ({
	id: Number(id),
	modseq: Number(modseq),
	isRead: read !== undefined,
	isArchived: archived !== undefined,
});

/** Show a row of a list in its element, made where there is none. */
export function show(list, { id, modseq, isRead, isArchived, item }, element) {
	element ??= list.querySelector("template").content.firstElementChild.cloneNode(true);
	if (item && Number(element.dataset.modseq) !== modseq) fill(element, item, list);
	Object.assign(element.dataset, { id, modseq });
	element.toggleAttribute("data-read", isRead);
	element.toggleAttribute("data-archived", isArchived);
	return element;
}

function fill(element, item, list) {
	const [link, time] = [find(element, "item__link"), find(element, "item__time")];
	element.dataset.level = item.level;
	element.querySelector("use").setAttribute("href", `#notification-level-${item.level}`);
	find(element, "item__level").textContent = list.getAttribute(`data-level-${item.level}`);
	for (const field of element.querySelectorAll("[data-field]")) field.textContent = item[field.dataset.field];
	showProgress(find(element, "item__progress"), item.data.progress ?? {});
	if (isFollowable(item.url)) link.href = item.url;
	else link.removeAttribute("href");
	time.dateTime = item.created_at;
	time.title = "";
	showTime(time);
}

/** Show how far a job is, until it has ended (`jobs.py`). */
function showProgress(bar, { done, total, state }) {
	bar.hidden = state !== "running" && state !== "stalled";
	if (total > 0 && done >= 0) Object.assign(bar, { max: total, value: done });
	else bar.removeAttribute("value");
}
