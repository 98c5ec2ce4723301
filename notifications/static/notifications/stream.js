// @ts-check
/**
 * One EventSource that stays: it passes on every frame and knows from which position it continues. The browser reconnects
 * by itself; this notices silence, starts over what the browser has closed for good, and goes back where frames are missing.
 */

const EVENTS = ["hello", "change", "reset", "ping", "bye"];
const SILENCE_SECONDS = 45; // three pings of 15 s
const BYE_SECONDS = 300; // after `bye` the browser waits for the server's `retry:`, which is long under overload
const CAP_SECONDS = 600; // this user has too many streams: leave it to the others, unless the page is looked at

/** Return how long to wait before the nth attempt: 1, 2, 4 … 30 s, times 0.5 to 1 so that clients do not come at once. */
export const backoffSeconds = (attempt, random = Math.random()) =>
	Math.min(2 ** (attempt - 1), 30) * (0.5 + random / 2);

/** Return the status of an address, 0 where none answers: EventSource does not tell why it failed. */
async function statusOf(url) {
	const life = new AbortController();
	try {
		return (await fetch(url, { cache: "no-store", signal: life.signal })).status;
	} catch {
		return 0;
	} finally {
		life.abort(); // the body may be a stream
	}
}

export class Stream {
	#url;
	#onFrame;
	position = "0.0"; // where the frames that come next continue
	#attempt = 0;
	#deadline = 0;
	#source;
	#timer;

	constructor(url, onFrame) {
		this.#url = url;
		this.#onFrame = onFrame;
	}

	open(position) {
		this.position = position;
		this.#connect();
	}

	close() {
		clearTimeout(this.#timer);
		this.#source?.close();
		this.#source = undefined;
	}

	/** Go back to what a page lacks: at once, then with growing pauses until a ping shows that all is well. */
	goBack(position) {
		this.close();
		this.position = position;
		this.#wait(this.#attempt && backoffSeconds(this.#attempt));
		this.#attempt += 1;
	}

	/** Look after the line. One from before the network was lost may look open for minutes. */
	check({ isNetworkNew = false } = {}) {
		const isOpen = this.#source && this.#source.readyState !== EventSource.CLOSED;
		if (isNetworkNew || !isOpen || Date.now() >= this.#deadline) this.#connect();
	}

	#connect() {
		this.close();
		const source = new EventSource(`${this.#url}?since=${this.position}`);
		for (const event of EVENTS) source.addEventListener(event, (message) => this.#receive(event, message));
		source.addEventListener("error", () => {
			this.#pass("line", "connecting");
			// CONNECTING: the browser tries again, see https://html.spec.whatwg.org/#reestablish-the-connection
			if (source.readyState === EventSource.CLOSED) this.#giveUp();
		});
		this.#source = source;
		this.#wait(SILENCE_SECONDS);
	}

	#receive(event, message) {
		if (message.lastEventId) this.position = message.lastEventId;
		const data = JSON.parse(message.data);
		if (event === "ping") this.#attempt = 0;
		this.#wait(event === "bye" ? BYE_SECONDS : SILENCE_SECONDS);
		if (event === "bye" && data.reason === "cap") {
			this.#source?.close();
			this.#wait(CAP_SECONDS);
		}
		this.#pass(event, data);
	}

	/** Closed for good: try again later, unless the session is over. */
	async #giveUp() {
		this.#attempt += 1;
		const seconds = backoffSeconds(this.#attempt);
		this.#wait(seconds); // first of all: nothing below may keep it from trying again
		const source = this.#source;
		const status = await statusOf(`${this.#url}?since=${this.position}`);
		if (source !== this.#source) return; // closed or opened anew meanwhile
		if (status === 401 || status === 403) {
			this.close();
			this.#pass("bye", { reason: "auth" });
		} else console.warn(`notifications: no live stream at ${this.#url}; next attempt in ${seconds.toFixed(1)} s`);
	}

	/** Connect anew unless something happens within this time. */
	#wait(seconds) {
		clearTimeout(this.#timer);
		this.#deadline = Date.now() + seconds * 1000;
		this.#timer = setTimeout(() => this.#connect(), seconds * 1000);
	}

	#pass(event, data) {
		this.#onFrame({ event, position: this.position, data });
	}
}
