/** One stream for all tabs: the one that holds a Web Lock leads and passes every frame on. Messages: types.d.ts. */

import { isBehind } from "./store.js";
import { Stream } from "./stream.js";

const ANSWER_SECONDS = 5; // messages between tabs take milliseconds, also to a tab in the background
const SILENCE_SECONDS = 45; // the leader passes on a ping every 15 s

export class Share {
	isLeading = false;
	#life; // from start to stop
	#turn; // while waiting for the lock
	#channel;
	#timer;
	#isAsking = false;

	constructor(name, url, store) {
		Object.assign(this, { name, store });
		this.stream = new Stream(url, (frame) => {
			this.#post({ frame });
			this.#apply(frame);
		});
	}

	start() {
		if (this.#life) return;
		this.#life = new AbortController();
		const { signal } = this.#life;
		if (!navigator.locks || !globalThis.BroadcastChannel) {
			this.#lead(signal);
			return;
		}
		this.#channel = new BroadcastChannel(this.name);
		this.#channel.addEventListener("message", ({ data }) => this.#hear(data), { signal });
		this.#ask();
		this.#queue(signal);
	}

	stop() {
		this.#wait();
		this.stream.close();
		this.isLeading = false;
		this.#channel?.close();
		this.#turn?.abort();
		this.#life?.abort();
		this.#channel = this.#life = undefined;
	}

	check(isNetworkNew) {
		if (this.isLeading) this.stream.check(isNetworkNew);
		else if (this.#life) this.#ask();
	}

	/** Lead as long as the lock is held, and queue again when it was stolen. */
	async #queue(life, steal) {
		const turn = new AbortController();
		this.#turn?.abort(); // else the lock would come a second time
		this.#turn = turn;
		try {
			const options = steal ? { steal } : { signal: turn.signal };
			await navigator.locks.request(this.name, options, () => life.aborted || this.#lead(life));
		} catch (error) {
			if (error.name !== "AbortError") throw error;
			if (life.aborted || turn.signal.aborted) return;
			this.isLeading = false;
			this.stream.close();
			this.#queue(life);
			this.#listen();
		}
	}

	#lead(life) {
		this.#wait();
		this.isLeading = true;
		this.stream.open(this.store.position);
		this.#tellWhere();
		return new Promise((resolve) => life.addEventListener("abort", resolve));
	}

	#hear({ frame, ask, at, line }) {
		if (this.isLeading && ask) {
			if (isBehind(ask, this.stream.position)) this.stream.goBack(ask);
			this.#tellWhere();
		}
		if (this.isLeading || ask) return;
		if (at || !this.#isAsking) this.#listen();
		if (frame) this.#apply(frame);
		if (at) this.store.setLine(line);
		if (at && isBehind(this.store.position, at)) this.#ask();
	}

	#apply(frame) {
		const verdict = this.store.apply(frame);
		if (verdict === "over") this.stop();
		if (verdict !== "gap") return;
		if (this.isLeading) this.stream.goBack(this.store.position);
		else this.#ask();
	}

	#tellWhere() {
		this.#post({ at: this.stream.position, line: this.store.line });
	}

	#ask() {
		if (this.#isAsking) return;
		this.#wait(ANSWER_SECONDS, () => this.#queue(this.#life.signal, true));
		this.#isAsking = true;
		this.#post({ ask: this.store.position });
	}

	#listen() {
		this.#wait(SILENCE_SECONDS, () => this.#ask());
	}

	#wait(seconds, act) {
		clearTimeout(this.#timer);
		this.#isAsking = false;
		if (act) this.#timer = setTimeout(act, seconds * 1000);
	}

	#post(message) {
		this.#channel?.postMessage(message);
	}
}
