// @ts-check
/** What of the page is in view. */

/** @param {Element} element */
export function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
