// @ts-check
/** What a list needs, in the centre as in the panel. It imports nothing that imports it: hashed names allow no circle. */

import "./shared_rows.js";

import "./elements/list.js";
import "./elements/on_demand.js";
import "./elements/settings.js";
