// Follow a user's notifications with `event-source-polyfill`: node follow-event-source-polyfill.mjs URL user1 demo

import polyfill from "event-source-polyfill";
import { EVENTS, headersFor, show } from "./login.mjs";

const [url, ...login] = process.argv.slice(2);
const headers = await headersFor(url, ...login);

// It reconnects by itself, after the server's `retry:`, with `?lastEventId=`; after 45 s of silence too.
const source = new polyfill.EventSourcePolyfill(`${url}/notifications/stream/`, {
  headers,
  heartbeatTimeout: 45_000,
});
for (const name of EVENTS) {
  source.addEventListener(name, (event) => {
    if (show(name, event.lastEventId, event.data)) source.close();
  });
}
source.addEventListener("error", (event) => {
  if ([401, 403].includes(event.status)) source.close();
});
