/** One stream for all tabs: who holds a Web Lock leads and passes every frame on. */

import { isBehind } from "./store.js";

const SILENCE_SECONDS = 45; // three pings of 15 s
const ANSWER_SECONDS = 5; // messages take milliseconds
const BYE_SECONDS = 600; // the browser waits for the server's `retry:`

/** 1, 2, 4 … 30 s, times 0.5 to 1: clients must not come at once. */
export const backoffSeconds = (attempt, random = Math.random()) =>
	Math.min(2 ** (attempt - 1), 30) * (0.5 + random / 2);

export class Line {
	isLeading = false;
	#life;
	#channel;
	#source;
	#position; // which the next frames continue
	#attempt = 0;
	#timer;
	#deadline; // a sleeping machine's timers do not fire

	constructor(url, store) {
		Object.assign(this, { url, store });
		this.name = `notifications:${url}:${store.epoch}`; // an epoch is one inbox's: users never share
	}

	start(steal = false) {
		if (this.#life || this.store.line === "over") return;
		this.#life = new AbortController();
		const { signal } = this.#life;
		const lead = () => signal.aborted || this.#lead(signal);
		if (!navigator.locks) return lead();
		this.#channel = new BroadcastChannel(this.name);
		this.#channel.onmessage = ({ data }) => this.#hear(data);
		this.#ask();
		navigator.locks.request(this.name, steal ? { steal } : { signal }, lead).catch((error) => {
			if (error.name !== "AbortError") throw error;
			if (!signal.aborted) this.#restart(); // stolen
		});
	}

	stop() {
		this.#close();
		this.isLeading = false;
		this.#channel?.close();
		this.#life?.abort();
		this.#channel = this.#life = undefined;
	}

	check(isNetworkNew) {
		const isOpen = this.#source?.readyState < EventSource.CLOSED && Date.now() < this.#deadline;
		if (this.isLeading && (isNetworkNew || !isOpen)) this.#open();
		if (this.#life && !this.isLeading) this.#ask();
	}

	#restart(steal) {
		this.stop();
		this.start(steal);
	}

	#lead(signal) {
		this.isLeading = true;
		this.#open(this.store.position);
		this.#answer();
		return new Promise((resolve) => signal.addEventListener("abort", resolve));
	}

	#hear({ frame, ask }) {
		if (frame && !this.isLeading) {
			this.#wait(SILENCE_SECONDS, () => this.#ask());
			this.#apply(frame);
		}
		if (!ask || !this.isLeading) return;
		if (isBehind(ask, this.#position)) this.#goBack(ask);
		this.#answer();
	}

	#apply(frame) {
		const isGap = this.store.apply(frame);
		if (this.store.line === "over") this.stop();
		else if (isGap && this.isLeading) this.#goBack(this.store.position);
		else if (isGap) this.#ask();
	}

	#ask() {
		this.#wait(ANSWER_SECONDS, () => this.#restart(true));
		this.#post({ ask: this.store.position });
	}

	#answer() {
		this.#post({ frame: { event: "line", position: this.#position, data: this.store.line } });
	}

	#post(message) {
		this.#channel?.postMessage(message);
	}

	#open(position = this.#position) {
		this.#close();
		const source = new EventSource(`${this.url}?since=${position}`);
		for (const event of ["hello", "change", "reset", "ping", "bye"])
			source.addEventListener(event, (message) => this.#receive(event, message));
		source.addEventListener("error", () => {
			if (source.readyState === EventSource.CLOSED) this.#giveUp(source);
			this.#pass("line", navigator.onLine === false ? "offline" : "connecting");
		});
		this.#source = source;
		this.#position = position;
		this.#wait(SILENCE_SECONDS);
	}

	#close() {
		clearTimeout(this.#timer);
		this.#source?.close();
		this.#source = undefined;
	}

	#goBack(position) {
		this.#close();
		this.#position = position;
		this.#wait(this.#attempt && backoffSeconds(this.#attempt));
		this.#attempt += 1;
	}

	#receive(event, { lastEventId, data: text }) {
		const data = JSON.parse(text);
		if (lastEventId) this.#position = lastEventId;
		if (event === "ping") this.#attempt = 0;
		if (data.reason === "cap") this.#source.close(); // too many streams of this user
		this.#wait(event === "bye" ? BYE_SECONDS : SILENCE_SECONDS);
		this.#pass(event, data);
	}

	/** Is the session over? EventSource does not tell. */
	async #giveUp(source) {
		this.#attempt += 1;
		this.#wait(backoffSeconds(this.#attempt));
		const { status, body } = (await fetch(source.url).catch(console.warn)) ?? {};
		body?.cancel(); // it may be a stream
		if (source !== this.#source) return;
		if (![401, 403].includes(status)) return console.warn("no live stream:", source.url, status);
		this.#close();
		this.#pass("bye", { reason: "auth" });
	}

	#pass(event, data) {
		const frame = { event, position: this.#position, data };
		this.#post({ frame });
		this.#apply(frame);
	}

	#wait(seconds, act = () => this.#open()) {
		clearTimeout(this.#timer);
		this.#deadline = Date.now() + seconds * 1000;
		this.#timer = setTimeout(act, seconds * 1000);
	}
}
