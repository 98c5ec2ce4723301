// @ts-check
/** The form of a new notification: its button says to whom it goes, for as long as it can still be changed. */

document.addEventListener("DOMContentLoaded", () => {
  const button = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-send-one]"));
  const choice = /** @type {HTMLSelectElement | null} */ (document.querySelector('select[name="recipients"]'));
  const { jQuery } = /** @type {any} */ (globalThis).django ?? {};
  if (!button || !choice || !jQuery) return;
  const plain = button.value;
  const show = () => {
    const chosen = [...choice.selectedOptions];
    const name = chosen[0]?.text.split(" · ", 1)[0] ?? "";
    const { sendOne = "", sendMany = "" } = button.dataset;
    if (!chosen.length) button.value = plain;
    else
      button.value =
        chosen.length === 1 ? sendOne.replace("{name}", name) : sendMany.replace("{count}", `${chosen.length}`);
  };
  jQuery(choice).on("change", show); // Select2 tells jQuery alone
  show();
});
