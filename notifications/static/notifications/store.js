// @ts-check
/**
 * Where this page stands, moved by frames, which may come twice, late or with one missing. Pure. Its events: "change",
 * in the order of the log, each once; "reset" where some were skipped; "counters"; "line"; "over", the session has ended.
 */

import { parse } from "./position.js";

export class Store extends EventTarget {
	#epoch;
	#modseq;
	line = "connecting"; // or "live", or "offline"

	constructor({ position, unread = 0, unseen = 0 }) {
		super();
		({ epoch: this.#epoch, modseq: this.#modseq } = parse(position));
		Object.assign(this, { unread, unseen });
	}

	get position() {
		return `${this.#epoch}.${this.#modseq}`;
	}

	get modseq() {
		return this.#modseq;
	}

	apply({ event, position, data }) {
		const { epoch } = parse(position);
		const isOther = epoch !== this.#epoch;
		if (event === "line") this.setLine(data);
		else if (event !== "bye") this.setLine("live");
		if (event === "bye" && data.reason === "auth") {
			this.#tell("over", data);
			return "over";
		}
		if (event === "change" && (isOther || data.prev > this.#modseq)) return "gap";
		if (event === "ping" && (isOther || data.modseq > this.#modseq)) return "gap";
		const isNews = event === "change" ? data.modseq > this.#modseq : isOther || data.modseq !== this.#modseq;
		if (!isNews || (event !== "change" && event !== "reset")) return "known"; // hello tells what the next frames tell
		this.#epoch = epoch;
		this.#modseq = data.modseq;
		this.#count(data.snapshot ?? data);
		this.#tell(event, data);
		return "applied";
	}

	/** Show what an action was answered with, unless it is older than what is known. The stream moves the position. */
	report(answer) {
		const { epoch, modseq } = parse(answer.position);
		if (epoch === this.#epoch && modseq >= this.#modseq) this.#count(answer);
	}

	/** Count what an action will do. The function returned takes it back, unless the server has told since. */
	expect(more) {
		const unread = Math.max(0, this.unread + more);
		this.#count({ unread });
		return () => this.unread === unread && this.#count({ unread: unread - more });
	}

	setLine(line) {
		if (line === this.line) return;
		this.line = line;
		this.#tell("line", line);
	}

	#count({ unread, unseen = this.unseen }) {
		Object.assign(this, { unread, unseen });
		this.#tell("counters", unread);
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}
