/** Brings the elements to life. A second time does nothing. */

import "./bell.js";
import "./list.js";
import "./settings.js";
import "./toasts.js";
import { showTime } from "./words.js";

setInterval(() => {
	if (!document.hidden) for (const time of document.querySelectorAll(".notification-item__time")) showTime(time);
}, 30_000);
