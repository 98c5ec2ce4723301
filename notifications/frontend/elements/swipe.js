// @ts-check
/**
 * An item is swiped: towards its end it is read or unread, towards its start it goes to the archive or back.
 *
 * Loaded only where there is a coarse pointer. It presses the buttons of the row, so that a swipe does what they do, with undo.
 * The same is in the row's menu: https://www.w3.org/WAI/WCAG22/Understanding/dragging-movements.html
 */

import "../shared.js";

import { findPart } from "../dom/parts.js";

/** @typedef {"read" | "archive"} SwipeName */

const LOCK_PX = 10; // from here on it is a swipe, and no tap
const FAR = 0.4; // of the row's width
const FAST_PX_PER_MS = 0.5;
const LEAST_FAST_PX = 48; // a short flick is an accident
const RECENT_MS = 100; // of which the speed is taken
const CLICK_MS = 50; // within which a browser adds a click to what it took for a tap
const TICK_MS = 10; // that a phone is felt to move

/**
 * What a swipe comes to where it ends.
 *
 * @param {number} movedPx towards the end of the line, or less than 0 towards its start
 * @param {number} widthPx of the row
 * @param {number} [speed] in pixels for each millisecond, with the same sign
 * @returns {SwipeName | undefined}
 */
export function decideSwipe(movedPx, widthPx, speed = 0) {
  const isFar = Math.abs(movedPx) >= FAR * widthPx;
  const isOnward = Math.sign(speed) === Math.sign(movedPx);
  const isFast = isOnward && Math.abs(speed) >= FAST_PX_PER_MS && Math.abs(movedPx) >= LEAST_FAST_PX;
  if (!isFar && !isFast) return undefined;
  return movedPx > 0 ? "read" : "archive";
}

/** One finger on one row. */
class Swipe {
  /** Whether the finger has left the place where a tap is. */
  isMoving = false;

  movedPx = 0;

  /** The latest moves: when, and how far. @type {{atMs: number, movedPx: number}[]} */
  #recent = [];

  /** @type {SwipeName | undefined} */
  #armed;

  /**
   * @param {HTMLElement} item
   * @param {PointerEvent} event
   */
  constructor(item, { pointerId, clientX, clientY }) {
    this.item = item;
    this.pointerId = pointerId;
    this.startX = clientX;
    this.startY = clientY;
    this.direction = getComputedStyle(item).direction === "rtl" ? -1 : 1;
  }

  /**
   * @param {PointerEvent} event
   * @returns {boolean} whether it may still become a swipe
   */
  move({ clientX, clientY, timeStamp }) {
    const across = (clientX - this.startX) * this.direction;
    const down = clientY - this.startY;
    if (!this.isMoving) {
      if (Math.abs(down) > LOCK_PX) return false;
      if (Math.abs(across) <= LOCK_PX) return true;
      this.isMoving = true;
      this.item.setPointerCapture(this.pointerId);
    }
    this.movedPx = across;
    this.#recent = [
      ...this.#recent.filter(({ atMs }) => timeStamp - atMs < RECENT_MS),
      { atMs: timeStamp, movedPx: across },
    ];
    this.#show(decideSwipe(across, this.item.offsetWidth));
    return true;
  }

  /** @param {SwipeName} [armed] what would happen if the finger left now */
  #show(armed) {
    const name = this.movedPx > 0 ? "read" : "archive";
    this.item.dataset.swipe = name;
    this.item.dataset.swipeLabel = labelOf(this.item, name);
    this.item.toggleAttribute("data-swipe-armed", armed !== undefined);
    this.item.style.setProperty("--notification-swiped", `${Math.abs(this.movedPx)}px`);
    this.item.style.translate = `${this.movedPx * this.direction}px`;
    if (armed && armed !== this.#armed) navigator.vibrate?.(TICK_MS);
    this.#armed = armed;
  }

  get #speed() {
    const [first] = this.#recent;
    const last = this.#recent.at(-1);
    if (!first || !last || first === last) return 0;
    return (last.movedPx - first.movedPx) / (last.atMs - first.atMs);
  }

  /** The finger has left. */
  end() {
    const decided = decideSwipe(this.movedPx, this.item.offsetWidth, this.#speed);
    this.clear();
    if (decided) press(this.item, decided);
  }

  /** Let the row go back to its place. */
  clear() {
    const { item } = this;
    item.style.translate = "";
    item.style.removeProperty("--notification-swiped");
    for (const name of ["data-swipe", "data-swipe-label", "data-swipe-armed"]) item.removeAttribute(name);
  }
}

/**
 * @param {HTMLElement} item
 * @param {SwipeName} name
 */
function press(item, name) {
  /** @type {HTMLButtonElement | null} */ (item.querySelector(`button[value="${name}"]`))?.click();
}

/**
 * The words of the row's menu, which names each of the four.
 *
 * @param {HTMLElement} item
 * @param {SwipeName} name
 */
function labelOf(item, name) {
  const isDone = item.hasAttribute(name === "read" ? "data-read" : "data-archived");
  const value = isDone ? `un${name}` : name;
  const menu = findPart(item.closest(".notification-centre") ?? document, "menu");
  return menu?.querySelector(`[value="${value}"] > span`)?.textContent?.trim() ?? "";
}

/**
 * Let the items of a document be swiped.
 *
 * @param {Document} root
 */
export function startSwiping(root) {
  /** @type {Swipe | undefined} */
  let swipe;
  const stop = () => {
    swipe?.clear();
    swipe = undefined;
  };
  root.addEventListener("pointerdown", (event) => {
    const isSecondFinger = swipe !== undefined;
    stop();
    const item = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest("li.notification-item")
    );
    if (!item || isSecondFinger || event.pointerType === "mouse" || !event.isPrimary) return;
    swipe = new Swipe(item, event);
  });
  root.addEventListener("pointermove", (event) => {
    const isOurs = event.pointerId === swipe?.pointerId;
    if (isOurs && !swipe?.move(event)) stop();
  });
  root.addEventListener("pointerup", (event) => {
    const ended = event.pointerId === swipe?.pointerId ? swipe : undefined;
    if (!ended) return;
    swipe = undefined;
    if (ended.isMoving) {
      ignoreNextClick(root); // a swipe over a link follows none
      ended.end();
    }
  });
  root.addEventListener("pointercancel", stop); // the page scrolls
}

/** @param {Document} root */
function ignoreNextClick(root) {
  const ignore = (/** @type {Event} */ event) => {
    if (!event.isTrusted) return; // the press of the row's own button
    event.preventDefault();
    event.stopPropagation();
  };
  const over = new AbortController();
  root.addEventListener("click", ignore, { capture: true, signal: over.signal });
  root.addEventListener("pointerdown", () => over.abort(), { capture: true, signal: over.signal }); // of another click
  setTimeout(() => over.abort(), CLICK_MS);
}
