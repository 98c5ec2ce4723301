// @ts-check
/** What the reader has switched on in this browser: `notifications.<name>` in `localStorage`, each `on` or `off`. */

/** @typedef {"toasts" | "desktop" | "sound" | "shortcuts"} SettingName */

/** Desktop notifications and sound disturb, so that they are off until they are switched on. @type {SettingName[]} */
const ON_BY_DEFAULT = ["toasts", "shortcuts"];

/** @param {SettingName} name */
export function isSwitchedOn(name) {
  const stored = localStorage.getItem(`notifications.${name}`);
  return stored === null ? ON_BY_DEFAULT.includes(name) : stored === "on";
}

/**
 * @param {SettingName} name
 * @param {boolean} isOn
 */
export function switchSetting(name, isOn) {
  localStorage.setItem(`notifications.${name}`, isOn ? "on" : "off");
}
