/** One stream for all tabs: who holds a Web Lock leads and passes every frame on. */

import { isBehind, isSameEpoch } from "./store.js";

const SILENCE_SECONDS = 45; // three pings of 15 s
const ANSWER_SECONDS = 5; // messages take milliseconds
const BYE_SECONDS = 600; // the browser waits for the server's `retry:`
const NEXT_PAGE_SECONDS = 0.6; // from one page of a tab to its next; after a logout none comes

/** 1, 2, 4 … 30 s, times 0.5 to 1: clients must not come at once. */
export const backoffSeconds = (attempt, random = Math.random()) =>
	Math.min(2 ** (attempt - 1), 30) * (0.5 + random / 2);

/** Whether the server has just made this page, for whoever is logged in: "back" may show one that was kept. */
const isFromServer = () => globalThis.performance?.getEntriesByType("navigation")[0]?.type !== "back_forward";

export class Line {
	isLeading = false;
	#life;
	#channel;
	#source;
	#position; // which the next frames continue
	#attempt = 0;
	#isSettled = false; // the stream has spoken since it was opened: the position is one that the server knows
	#isGoingBack = false;
	#hasStarted = false;
	#timer;
	#deadline; // a sleeping machine's timers do not fire
	#check; // whether the session is still alive

	/** Tabs of one reader share; where a page does not say whose it is, those of one inbox, which its epoch names. */
	constructor(url, store, reader = "") {
		Object.assign(this, { url, store, reader });
		this.name = `notifications:${url}:${reader || store.epoch}`;
	}

	start(steal = false) {
		if (this.#life || this.store.line === "over") return;
		this.#life = new AbortController();
		const { signal } = this.#life;
		const lead = () => signal.aborted || this.#lead(signal);
		this.#channel = new BroadcastChannel(this.name);
		this.#channel.onmessage = ({ data }) => this.#hear(data);
		const isNew = !this.#hasStarted && isFromServer();
		this.#hasStarted = true;
		if (!navigator.locks) return lead();
		this.#ask({ isNew });
		navigator.locks.request(this.name, steal ? { steal } : { signal }, lead).catch((error) => {
			if (error.name !== "AbortError") throw error;
			if (!signal.aborted) this.#restart(); // stolen
		});
	}

	stop() {
		this.#close();
		clearTimeout(this.#check);
		this.isLeading = false;
		this.#channel?.close();
		this.#life?.abort();
		this.#channel = this.#life = undefined;
	}

	/** Stop because the page is left, perhaps by logging out. */
	leave() {
		this.#post({ left: true });
		this.stop();
	}

	/** Have the server say whether the session is still the reader's. */
	verify() {
		if (this.isLeading && this.#isSettled) this.#open();
		else if (this.#life && !this.isLeading) this.#ask();
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

	#hear({ frame, ask, isNew, isUnsure, left }) {
		if (frame && !this.isLeading) {
			this.#wait(SILENCE_SECONDS, () => this.#ask());
			this.#apply(frame);
		}
		if (!this.isLeading) return;
		if (isNew) clearTimeout(this.#check);
		if (ask) {
			this.#continueFrom(ask, isUnsure);
			this.#answer();
		}
		if (left) this.#checkSoon();
	}

	#apply(frame) {
		const isGap = this.store.apply(frame);
		if (this.store.line === "over") this.stop();
		else if (isGap && this.isLeading) this.#continueFrom(this.store.position);
		else if (isGap) this.#ask();
	}

	/**
	 * Somebody stands at this position. One of another epoch is neither behind nor ahead: the server decides, and resets
	 * whoever is wrong. While it is being asked, asking it something else would put that off for ever.
	 */
	#continueFrom(position, isUnsure) {
		if (!isSameEpoch(position, this.#position)) {
			if (this.#isSettled) this.#goBack(position);
		} else if (isBehind(position, this.#position)) this.#goBack(position);
		else if (isUnsure && this.#isSettled) this.#open();
	}

	/** A tab has left: the reader may have logged out, which the server tells who opens a stream. */
	#checkSoon() {
		clearTimeout(this.#check);
		this.#check = setTimeout(() => {
			if (this.#source?.readyState === EventSource.OPEN) this.#open();
		}, NEXT_PAGE_SECONDS * 1000);
	}

	#ask(more) {
		this.#wait(ANSWER_SECONDS, () => this.#restart(true));
		this.#post({ ask: this.store.position, isUnsure: !this.store.isSure, ...more });
	}

	#answer() {
		this.#post({ frame: this.#lineFrame(this.store.line) });
	}

	#lineFrame(state) {
		return { event: "line", position: this.#isSettled ? this.#position : "", data: state };
	}

	#post(message) {
		this.#channel?.postMessage(message);
	}

	#open(position = this.#position) {
		this.#close();
		const reader = this.reader && `&reader=${encodeURIComponent(this.reader)}`;
		const source = new EventSource(`${this.url}?since=${position}${reader}`);
		for (const event of ["hello", "change", "reset", "ping", "bye"])
			source.addEventListener(event, (message) => this.#receive(event, message));
		source.addEventListener("error", () => {
			if (source.readyState === EventSource.CLOSED) this.#giveUp(source);
			this.#pass(this.#lineFrame(navigator.onLine === false ? "offline" : "connecting"));
		});
		this.#source = source;
		this.#position = position;
		this.#isSettled = this.#isGoingBack = false;
		this.#wait(SILENCE_SECONDS);
	}

	#close() {
		clearTimeout(this.#timer);
		this.#source?.close();
		this.#source = undefined;
	}

	/** Continue from an earlier position: at once, then with pauses until a ping comes. */
	#goBack(position) {
		this.#position = position;
		if (this.#isGoingBack) return; // already on its way
		this.#close();
		this.#isGoingBack = true;
		this.#isSettled = false;
		this.#wait(this.#attempt && backoffSeconds(this.#attempt));
		this.#attempt += 1;
	}

	#receive(event, { lastEventId, data: text }) {
		const data = JSON.parse(text);
		if (lastEventId) this.#position = lastEventId;
		if (event === "ping") this.#attempt = 0;
		if (event !== "bye") this.#isSettled = true;
		if (data.reason === "cap") this.#source.close(); // too many streams of this user
		this.#wait(event === "bye" ? BYE_SECONDS : SILENCE_SECONDS);
		this.#pass({ event, position: this.#position, data });
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
		this.#pass({ event: "bye", position: this.#position, data: { reason: "auth" } });
	}

	#pass(frame) {
		this.#post({ frame });
		this.#apply(frame);
	}

	#wait(seconds, act = () => this.#open()) {
		clearTimeout(this.#timer);
		this.#deadline = Date.now() + seconds * 1000;
		this.#timer = setTimeout(act, seconds * 1000);
	}
}
