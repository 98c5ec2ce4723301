// @ts-check
/** <notification-settings>: what is switched on in this browser. */

import { isSwitchedOn, switchSetting } from "../state/settings.js";
import { LiveElement } from "./live_element.js";

/** @import { SettingName } from "../state/settings.js" */

class NotificationSettings extends LiveElement {
  begin() {
    this.listen(this, "change", (event) => this.#switch(/** @type {HTMLInputElement} */ (event.target)));
    this.listen(window, "storage focus", () => this.showState());
  }

  /** @param {HTMLInputElement} box */
  async #switch({ name, checked }) {
    if (name === "desktop" && checked) await Notification.requestPermission();
    switchSetting(/** @type {SettingName} */ (name), checked);
    this.showState();
  }

  showState() {
    const permission = globalThis.Notification?.permission ?? "missing";
    for (const box of this.querySelectorAll("input")) {
      const isBarred = box.name === "desktop" && permission !== "granted";
      box.checked = isSwitchedOn(/** @type {SettingName} */ (box.name)) && !isBarred;
      box.disabled = isBarred && permission !== "default";
    }
    for (const reason of this.querySelectorAll("[data-when]")) {
      reason.toggleAttribute("hidden", reason.getAttribute("data-when") !== permission);
    }
  }
}

customElements.define("notification-settings", NotificationSettings);
