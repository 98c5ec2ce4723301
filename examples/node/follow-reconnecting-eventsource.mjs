// Follow a user's notifications with `reconnecting-eventsource`: node follow-reconnecting-eventsource.mjs URL user1 demo

import { EventSource } from "eventsource";
import ReconnectingEventSource from "reconnecting-eventsource";
import { EVENTS, logIn, show } from "./login.mjs";

const [url, username, password] = process.argv.slice(2);
const Cookie = await logIn(url, username, password);

// A browser has an EventSource of its own; here it is given one that sends the cookie.
class WithCookie extends EventSource {
  constructor(address, options) {
    super(address, {
      ...options,
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Cookie } }),
    });
  }
}

// It lets EventSource reconnect, and makes a new one with `?lastEventId=` where that has given up.
const source = new ReconnectingEventSource(`${url}/notifications/stream/`, { eventSourceClass: WithCookie });
for (const name of EVENTS) {
  source.addEventListener(name, (event) => {
    if (show(name, event.lastEventId, event.data)) source.close(); // else it would ask for ever
  });
}
