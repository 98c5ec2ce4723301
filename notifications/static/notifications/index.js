// @ts-check
/** Brings the elements of this app to life. The bell's template tag loads it; a second time does nothing. */

import { NotificationBell } from "./bell.js";
import { NotificationList } from "./list.js";

customElements.define("notification-bell", NotificationBell);
customElements.define("notification-list", NotificationList);
