// Follow a user's notifications with `event-source-polyfill`: node follow-event-source-polyfill.mjs URL user1 demo

import polyfill from "event-source-polyfill";
import { EVENTS, logIn, show } from "./login.mjs";

const [url, username, password] = process.argv.slice(2);
const Cookie = await logIn(url, username, password);

// It reconnects by itself, after the server's `retry:`, with `?lastEventId=`; after 45 s of silence too.
const source = new polyfill.EventSourcePolyfill(`${url}/notifications/stream/`, {
  headers: { Cookie },
  heartbeatTimeout: 45_000,
});
for (const name of EVENTS) {
  source.addEventListener(name, (event) => {
    if (show(name, event.lastEventId, event.data)) source.close();
  });
}
source.addEventListener("error", (event) => {
  if (event.status === 403) source.close();
});
