// @ts-check
/** Parts that are loaded when they are wanted: swiping where there is something to swipe with, the menu of a row at its first use. */

const MORE = ".notification-item__more";

/** @param {Event} event */
function openMenu({ target }) {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest?.(MORE));
  if (!button) return;
  import("./item_menu.js").then(({ toggleMenu }) => toggleMenu(button), console.warn);
}

const canSwipe = matchMedia("(any-pointer: coarse)");

/** A tablet may get a touch screen late, and a laptop a tablet mode. */
function loadSwiping() {
  if (!canSwipe.matches) return;
  canSwipe.removeEventListener("change", loadSwiping);
  import("./swipe.js").then(({ startSwiping }) => startSwiping(document), console.warn);
}

document.addEventListener("click", openMenu);
canSwipe.addEventListener("change", loadSwiping);
loadSwiping();
