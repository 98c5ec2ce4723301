// @ts-check
/** The form of a broadcast: shows only the choice that the audience asks for. Without it all of them are there. */

/** @type {Record<string, string>} the row of the form that an audience needs */
const ROWS = { groups: "groups", users: "users", segment: "segment" };

function show() {
  const chosen = /** @type {HTMLInputElement | null} */ (document.querySelector('input[name="audience"]:checked'));
  for (const [audience, name] of Object.entries(ROWS)) {
    const row = /** @type {HTMLElement | null} */ (document.querySelector(`.form-row.field-${name}`));
    if (row) row.hidden = chosen?.value !== audience;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const radio of document.querySelectorAll('input[name="audience"]')) radio.addEventListener("change", show);
  show();
});
