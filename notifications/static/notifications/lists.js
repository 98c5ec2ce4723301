// @ts-check
/** What a list needs, in the centre as in the panel. It imports nothing that imports it: hashed names allow no circle. */

// The browser learns of these at once; without it they are found one level after the other.
import "./dom/days.js";
import "./dom/shortcuts.js";
import "./dom/view.js";
import "./elements/preview.js";
import "./elements/roving.js";
import "./elements/search_form.js";
import "./elements/selection.js";
import "./elements/undo_bar.js";
import "./state/search.js";
import "./state/selected_ids.js";
import "./state/undo_stack.js";

import "./elements/list.js";
import "./elements/on_demand.js";
import "./elements/settings.js";
