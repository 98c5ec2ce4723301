// Follow a user's notifications with `reconnecting-eventsource`: node follow-reconnecting-eventsource.mjs URL user1 demo

import { EventSource } from "eventsource";
import ReconnectingEventSource from "reconnecting-eventsource";
import { EVENTS, headersFor, show } from "./login.mjs";

const [url, ...login] = process.argv.slice(2);
const headers = await headersFor(url, ...login);

// A browser has an EventSource of its own; here it is given one that sends a cookie or a token.
class WithHeaders extends EventSource {
  constructor(address, options) {
    super(address, {
      ...options,
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
    });
  }
}

// It lets EventSource reconnect, and makes a new one with `?lastEventId=` where that has given up.
const source = new ReconnectingEventSource(`${url}/notifications/stream/`, { eventSourceClass: WithHeaders });
for (const name of EVENTS) {
  source.addEventListener(name, (event) => {
    if (show(name, event.lastEventId, event.data)) source.close(); // else it would ask for ever
  });
}
