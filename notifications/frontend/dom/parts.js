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
 * Set properties of a part, if it is there.
 *
 * @param {ParentNode} root
 * @param {string} name
 * @param {Record<string, unknown>} properties
 */
export function setPart(root, name, properties) {
  const part = findPart(root, name);
  if (part) Object.assign(part, properties);
}

/** The token that Django asks of a form, as the bell's own form has it. @returns {[string, string]} */
export function readCsrfField() {
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  const { name, value } = /** @type {HTMLInputElement} */ (field);
  return [name, value];
}
