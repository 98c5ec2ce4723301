// Follow the stream with the browser's own EventSource, which sends the session's cookie by itself.

const EVENTS = ["hello", "change", "reset", "ping", "bye"];
const [state, unread, frames] = ["state", "unread", "frames"].map((id) => document.getElementById(id));
let position = "";
let pauseMs = 1000;

function follow() {
  const source = new EventSource(`/notifications/stream/${position && `?since=${position}`}`);
  source.addEventListener("open", () => {
    state.textContent = "Live";
    pauseMs = 1000;
  });
  for (const name of EVENTS) {
    source.addEventListener(name, (event) => {
      position = event.lastEventId || position;
      show(name, event.data);
      if (name === "bye" && JSON.parse(event.data).reason === "auth") {
        source.close();
        state.textContent = "Logged out";
      }
    });
  }
  source.addEventListener("error", () => {
    state.textContent = "Away";
    // It reconnects by itself, after the server's `retry:`, with `Last-Event-ID`; but gives up for good where the answer
    // is no stream, such as a proxy's 502: then a new one is made, later and later.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(follow, pauseMs * (1 + Math.random()));
      pauseMs = Math.min(pauseMs * 2, 30_000);
    }
  });
}

/**
 * Write a frame: its event, the position after it and its data.
 * @param {string} name @param {string} text
 */
function show(name, text) {
  const data = JSON.parse(text);
  unread.textContent = data.unread ?? data.snapshot?.unread ?? unread.textContent;
  const line = document.createElement("li");
  line.textContent = `${name} ${position} ${text}`;
  frames.append(line);
  console.log(line.textContent);
}

follow();
