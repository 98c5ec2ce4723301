// Parse event streams with npm's eventsource-parser: one JSON line in (a list of base64 chunks), one out (the events).
import { createInterface } from "node:readline";
import { createParser } from "eventsource-parser";

for await (const line of createInterface({ input: process.stdin })) {
  const events = [];
  const parser = createParser({ onEvent: ({ event, data, id }) => events.push([event ?? "message", data, id ?? null]) });
  const decoder = new TextDecoder(); // as a browser's fetch does: keeps characters together that a chunk cuts
  for (const chunk of JSON.parse(line)) parser.feed(decoder.decode(Buffer.from(chunk, "base64"), { stream: true }));
  console.log(JSON.stringify(events));
}
