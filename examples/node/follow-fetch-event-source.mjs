// Follow a user's notifications with `@microsoft/fetch-event-source`: node follow-fetch-event-source.mjs URL user1 demo

import { EVENTS, headersFor, show } from "./login.mjs";

globalThis.window = globalThis; // it is made for browsers
globalThis.document = new EventTarget();
const { fetchEventSource } = await import("@microsoft/fetch-event-source/lib/cjs/index.js");

const [url, ...login] = process.argv.slice(2);
const headers = await headersFor(url, ...login);
const life = new AbortController();
let position = "";
let retryMs = 3000;

await fetchEventSource(`${url}/notifications/stream/`, {
  headers,
  signal: life.signal,
  openWhenHidden: true,
  async onopen(answer) {
    if ([401, 403].includes(answer.status)) life.abort();
  },
  onmessage({ event, id, data, retry }) {
    retryMs = retry ?? retryMs;
    if (!EVENTS.includes(event)) return; // a `retry:` alone comes as a message without a name
    position = id || position;
    if (show(event, position, data)) life.abort();
  },
  onclose() {
    throw new Error("The stream ended."); // without this it would not come back after `bye rotate`
  },
  onerror: () => retryMs, // it sends `last-event-id` by itself
});
