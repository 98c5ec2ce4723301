/** One EventSource that stays: it notices silence, and goes back where frames are missing. */

const SILENCE_SECONDS = 45; // three pings of 15 s
const BYE_SECONDS = 300; // the browser waits for the server's `retry:`
const CAP_SECONDS = 600; // too many streams of this user

/** 1, 2, 4 … 30 s, times 0.5 to 1: clients must not come at once. */
export const backoffSeconds = (attempt, random = Math.random()) =>
	Math.min(2 ** (attempt - 1), 30) * (0.5 + random / 2);

export class Stream {
	position = "0.0"; // where the frames that come next continue
	#attempt = 0;
	#deadline = 0;
	#source;
	#timer;

	constructor(url, onFrame) {
		Object.assign(this, { url, onFrame });
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

	/** At once, then with growing pauses until a ping shows that all is well. */
	goBack(position) {
		this.close();
		this.position = position;
		this.#wait(this.#attempt && backoffSeconds(this.#attempt));
		this.#attempt += 1;
	}

	/** A line of the network before may look open for minutes. */
	check(isNetworkNew) {
		const isOpen = this.#source?.readyState < EventSource.CLOSED;
		if (isNetworkNew || !isOpen || Date.now() >= this.#deadline) this.#connect();
	}

	get #address() {
		return `${this.url}?since=${this.position}`;
	}

	#connect() {
		this.close();
		const source = new EventSource(this.#address);
		for (const event of ["hello", "change", "reset", "ping", "bye"])
			source.addEventListener(event, (message) => this.#receive(event, message));
		source.addEventListener("error", () => {
			this.#pass("line", navigator.onLine === false ? "offline" : "connecting");
			if (source.readyState === EventSource.CLOSED) this.#giveUp();
		});
		this.#source = source;
		this.#wait(SILENCE_SECONDS);
	}

	#receive(event, { lastEventId, data: text }) {
		const data = JSON.parse(text);
		const isCapped = data.reason === "cap";
		if (lastEventId) this.position = lastEventId;
		if (event === "ping") this.#attempt = 0;
		if (isCapped) this.#source.close();
		this.#wait(isCapped ? CAP_SECONDS : event === "bye" ? BYE_SECONDS : SILENCE_SECONDS);
		this.#pass(event, data);
	}

	/** EventSource does not tell whether the session is over. */
	async #giveUp() {
		this.#attempt += 1;
		this.#wait(backoffSeconds(this.#attempt)); // nothing below may keep it from trying again
		const source = this.#source;
		const life = new AbortController();
		const { status } = await fetch(this.#address, life).catch((error) => error);
		life.abort(); // the body may be a stream
		if (source !== this.#source) return;
		if (status !== 401 && status !== 403)
			return console.warn(`no live stream at ${this.#address}: ${status ?? "no answer"}`);
		this.close();
		this.#pass("bye", { reason: "auth" });
	}

	#wait(seconds) {
		clearTimeout(this.#timer);
		this.#deadline = Date.now() + seconds * 1000;
		this.#timer = setTimeout(() => this.#connect(), seconds * 1000);
	}

	#pass(event, data) {
		this.onFrame({ event, position: this.position, data });
	}
}
