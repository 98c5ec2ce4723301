/** Brings the elements to life. The bell's template tag loads it; a second time does nothing. */

import { NotificationBell } from "./bell.js";
import { NotificationList } from "./list.js";
import { NotificationSettings } from "./settings.js";
import { NotificationToasts } from "./toasts.js";
import { showTime } from "./words.js";

customElements.define("notification-bell", NotificationBell);
customElements.define("notification-list", NotificationList);
customElements.define("notification-settings", NotificationSettings);
customElements.define("notification-toasts", NotificationToasts);
setInterval(() => {
	if (!document.hidden) for (const time of document.querySelectorAll(".notification-item__time")) showTime(time);
}, 30_000);
