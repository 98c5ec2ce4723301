// @ts-check
/** Brings the elements of this app to life. The bell's template tag loads it; a second time does nothing. */

import { NotificationBell } from "./bell.js";
import { NotificationList } from "./list.js";
import { NotificationSettings } from "./settings.js";
import { showTime } from "./time.js";
import { NotificationToasts } from "./toasts.js";

const CLOCK_MS = 30_000;

customElements.define("notification-bell", NotificationBell);
customElements.define("notification-list", NotificationList);
customElements.define("notification-settings", NotificationSettings);
customElements.define("notification-toasts", NotificationToasts);
setInterval(() => {
	if (!document.hidden) for (const time of document.querySelectorAll(".notification-item__time")) showTime(time);
}, CLOCK_MS);
