// @ts-check
/**
 * What a page with a bell brings and whatever else is loaded uses: imported by all of that, it travels as one file instead of
 * one for each set of modules that share something. Nothing here loads anything late: hashed names allow no circle.
 */

import "./dom/fetch_part.js";
import "./dom/format.js";
import "./dom/links.js";
import "./dom/looked_at.js";
import "./elements/live_element.js";
