// @ts-check
/** What of the page is in view. Few elements are asked where they are, however many there are. */

/**
 * Those in view of elements that stand below each other.
 *
 * @template {Element} E
 * @param {E[]} elements from the top to the bottom
 */
export function findInView(elements) {
  const start = countWhile(elements, ({ bottom }) => bottom <= 0);
  const end = countWhile(elements, ({ top }) => top < innerHeight);
  return elements.slice(start, end);
}

/**
 * How many of them come before the first that is somewhere else.
 *
 * @param {Element[]} elements
 * @param {(box: DOMRect) => boolean} isThere
 */
function countWhile(elements, isThere) {
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isThere(elements[middle].getBoundingClientRect())) low = middle + 1;
    else high = middle;
  }
  return low;
}
