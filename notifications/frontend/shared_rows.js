// @ts-check
/** What shows rows, in a list, in a toast, and one alone: one file for all of these, as shared.js is for all that is loaded. */

import "./shared.js";

import "./dom/shortcuts.js";
import "./dom/templates.js";
import "./state/list_state.js";
import "./state/settings.js";
