// @ts-check
/** The parts of an element, by the class names that a site's own template keeps too. It may leave a part out. */

/**
 * @template {HTMLElement} [E=HTMLElement]
 * @param {ParentNode} root
 * @param {string} name without `notification-`; a selector may follow
 * @returns {E | null}
 */
export function findPart(root, name) {
  return root.querySelector(`.notification-${name}`);
}

/**
 * A part without which an element cannot work.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {ParentNode} root
 * @param {string} name
 * @returns {E}
 */
export function needPart(root, name) {
  const part = /** @type {E | null} */ (findPart(root, name));
  if (!part) throw new Error(`The template lacks an element of the class "notification-${name}".`);
  return part;
}

/**
 * Set properties of a part, if it is there. What it has already is not set again: even the same text is laid out anew.
 *
 * @param {ParentNode} root
 * @param {string} name
 * @param {Record<string, unknown>} properties
 */
export function setPart(root, name, properties) {
  const part = /** @type {Record<string, any> | null} */ (findPart(root, name));
  if (!part) return;
  for (const [property, value] of Object.entries(properties)) {
    if (part[property] !== value) part[property] = value;
  }
}

/** The token that Django asks of a form, as the bell's own form has it. @returns {[string, string]} */
export function readCsrfField() {
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  const { name, value } = /** @type {HTMLInputElement} */ (field);
  return [name, value];
}
