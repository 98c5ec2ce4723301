// @ts-check
/** The elements of a page with a bell. What a list needs, `lists.js`, comes with the centre, or once the panel is opened. */

import "./shared.js";

import "./elements/bell.js";
import "./elements/toasts.js";
