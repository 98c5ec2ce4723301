/** Brings the elements to life. */

import "./bell.js";
import "./list.js";
import "./settings.js";
import "./toasts.js";
