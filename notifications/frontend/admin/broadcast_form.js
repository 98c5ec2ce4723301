// @ts-check
/** The form of a broadcast: of the rows that audiences need, each called like its audience, shows only the chosen one's. */

function show() {
  /** @type {NodeListOf<HTMLInputElement>} */
  const radios = document.querySelectorAll('input[name="audience"]');
  for (const radio of radios) {
    const row = /** @type {HTMLElement | null} */ (document.querySelector(`.form-row.field-${radio.value}`));
    if (row) row.hidden = !radio.checked;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const radio of document.querySelectorAll('input[name="audience"]')) radio.addEventListener("change", show);
  show();
});
