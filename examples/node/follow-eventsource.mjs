// Follow a user's notifications with `eventsource`: node follow-eventsource.mjs http://127.0.0.1:8000 user1 demo

import { EventSource } from "eventsource";
import { EVENTS, headersFor, show } from "./login.mjs";

const [url, ...login] = process.argv.slice(2);
const headers = await headersFor(url, ...login);

// It reconnects by itself, after the server's `retry:`, with `Last-Event-ID`.
const source = new EventSource(`${url}/notifications/stream/`, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
});
for (const name of EVENTS) {
  source.addEventListener(name, (event) => {
    if (show(name, event.lastEventId, event.data)) source.close();
  });
}
source.addEventListener("error", (event) => {
  if ([401, 403].includes(event.code)) source.close();
});
