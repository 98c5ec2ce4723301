// @ts-check
/** The elements of a page with a bell. What a list needs, `lists.js`, comes with the centre, or once the panel is opened. */

// The browser learns of these at once; without it they are found one level after the other.
import "./connection/session.js";
import "./connection/actions.js";
import "./connection/channel_locks.js";
import "./connection/connection.js";
import "./connection/polling.js";
import "./connection/tabs.js";
import "./dom/sessions.js";
import "./elements/live_element.js";
import "./state/list_state.js";
import "./state/position.js";
import "./state/store.js";

import "./elements/bell.js";
import "./elements/toasts.js";
