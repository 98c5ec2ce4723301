// @ts-check
/**
 * What a page with a bell brings and whatever else is loaded uses. A bundler makes a file for each set of modules that share
 * something; where all of them import this one, it is one file. Nothing here loads anything late: hashed names allow no circle.
 */

import "./dom/fetch_part.js";
import "./dom/format.js";
import "./dom/links.js";
import "./dom/looked_at.js";
import "./dom/parts.js";
import "./elements/live_element.js";
