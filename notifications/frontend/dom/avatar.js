// @ts-check
/** Who sent it, as a round of one or two letters in one of six hues. pages/avatars.py does the same on the server. */

const HUES = 6;

/** A letter, a digit or a picture: what a reader would call the first letter. A flag is two characters. */
const FIRST_LETTER = /\p{RI}\p{RI}|[\p{L}\p{N}\p{So}]/u;

/** What belongs to the character before it: accents, skin tones, flags of regions; and what a joiner joins to it. */
const REST_OF_LETTER = /^(?:\p{M}|[\u{1F3FB}-\u{1F3FF}]|[\u{E0020}-\u{E007F}]|\u200D[\p{L}\p{N}\p{So}])*/u;

/** Pictures, and the scripts of China, Japan and Korea, where one character is enough. */
const STANDS_ALONE = /^[\p{So}\u1100-\u11FF\u2E80-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\u{20000}-\u{3FFFF}]|\u{FE0F}/u;

/**
 * The first letters of the first and the last word: "Ada Lovelace" → "AL", "李伟" → "李", "🚀 Deploys" → "🚀".
 *
 * @param {string} name
 */
export function initials(name) {
  const letters = name.normalize().split(/\s+/).map(firstLetter).filter(Boolean);
  const [first = "", ...others] = letters;
  const last = STANDS_ALONE.test(first) ? "" : (others.at(-1) ?? "");
  return (first + (STANDS_ALONE.test(last) ? "" : last)).toUpperCase();
}

/** A picture of another host would tell that host who reads what. */
const IS_OF_THIS_SITE = /^\/(?![/\\])/;

/** @param {string} word */
function firstLetter(word) {
  const found = FIRST_LETTER.exec(word);
  if (!found) return "";
  const [letter] = found;
  const [rest] = REST_OF_LETTER.exec(word.slice(found.index + letter.length)) ?? [""];
  return letter + rest;
}

/**
 * One of six hues, the same for a name on every page. FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
 *
 * @param {string} name
 */
export function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const character of name.normalize().trim()) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return hash % HUES;
}

/** The key of a symbol of `templates/live_notifications/_icons.html`. */
const ICON = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/**
 * The sign that stands for the kind: what the notification names, else its level.
 *
 * @param {{level?: string, data?: {icon?: unknown} | null}} item
 */
export function iconOf({ level = "info", data }) {
  const icon = data?.icon;
  return typeof icon === "string" && ICON.test(icon) ? icon : level;
}

/**
 * @param {HTMLElement} avatar
 * @param {{actor?: string, level?: string, data?: {icon?: unknown, avatar?: unknown} | null}} item
 */
export function fillAvatar(avatar, item) {
  const { actor = "", data } = item;
  const icon = iconOf(item);
  if (actor) avatar.dataset.hue = `${hueOf(actor)}`;
  else avatar.removeAttribute("data-hue");
  avatar.toggleAttribute("data-plain", icon === "info");
  const place = avatar.querySelector('[data-field="initials"]');
  if (place) place.textContent = initials(actor);
  avatar.querySelector("use")?.setAttribute("href", `#notification-icon-${icon}`);
  const image = avatar.querySelector("img");
  if (!image) return;
  const picture = typeof data?.avatar === "string" && IS_OF_THIS_SITE.test(data.avatar) ? data.avatar : "";
  if (picture) image.src = picture;
  else image.removeAttribute("src");
  image.hidden = !picture;
}
