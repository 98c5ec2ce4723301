/** All the elements. */

import "./bell.js";
import "./list.js";
import "./toasts.js";
