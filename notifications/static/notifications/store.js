/** Where this page stands in the log, moved by frames, which may come twice, late or never. Pure. */

export function parse(text) {
	const [, epoch = "0", modseq = "0"] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? []; // else before everything
	return { epoch, modseq: Number(modseq) };
}

/** Epochs have no order: of two positions in different ones neither is behind the other. */
export function isSameEpoch(mine, theirs) {
	return parse(mine).epoch === parse(theirs).epoch;
}

export function isBehind(mine, theirs) {
	return isSameEpoch(mine, theirs) && parse(mine).modseq < parse(theirs).modseq;
}

export class Store extends EventTarget {
	line = "connecting";
	isSure = true; // whose notifications these are: a page may come back from the browser's cache after a logout
	#counted; // the server's counters, and the `modseq` at which they held
	#expectations = new Set(); // of actions without an answer: what each makes of the count of unread ones

	constructor({ position, ...counts }) {
		super();
		Object.assign(this, parse(position));
		this.#count(this.modseq, counts);
	}

	get position() {
		return `${this.epoch}.${this.modseq}`;
	}

	/** Nobody's count is shown to whom it may not concern. */
	get unread() {
		if (this.#isClosed) return 0;
		let { unread } = this.#counted;
		for (const expectation of this.#expectations) unread = Math.max(0, expectation(unread));
		return unread;
	}

	get unseen() {
		return this.#isClosed ? 0 : this.#counted.unseen;
	}

	get #isClosed() {
		return this.line === "over" || !this.isSure;
	}

	/** Return whether something before this frame is missing. */
	apply({ event, position, data }) {
		if (event === "bye" && data.reason === "auth") this.setLine("over");
		if (event === "bye" || this.line === "over") return false;
		this.setLine(event === "line" ? data : "live");
		if (!position) return false; // the one who leads does not know yet
		const { epoch, modseq } = parse(position);
		if (event === "reset") {
			this.#reset(epoch, modseq, data);
			return false;
		}
		if (event === "hello") this.#greet(position, data);
		if (epoch !== this.epoch) return event !== "hello" || data.mode === "resume"; // after any other a reset comes
		const needed = { change: data.prev, ping: data.modseq, line: modseq }[event];
		if (needed > this.modseq) return true;
		if (event === "change" && modseq > this.modseq) {
			this.modseq = modseq;
			this.report({ position, ...data });
			this.#tell("change", data);
		}
		return false;
	}

	#reset(epoch, modseq, data) {
		const isNews = epoch !== this.epoch || modseq !== this.modseq;
		Object.assign(this, { epoch, modseq });
		this.#count(modseq, data.snapshot);
		if (isNews) this.#tell("reset", data);
	}

	/** Only a new stream proves whose page this is: one that was open before a logout ends a moment after it. */
	#greet(position, counts) {
		this.report({ position, ...counts });
		this.isSure = true;
		this.#tell("line", this.line);
	}

	report({ position, ...counts }) {
		const { epoch, modseq } = parse(position);
		if (epoch === this.epoch && modseq >= this.#counted.modseq) this.#count(modseq, counts);
	}

	expect(expectation) {
		this.#expectations.add(expectation);
		this.#tell("counters");
		return () => {
			this.#expectations.delete(expectation);
			this.#tell("counters");
		};
	}

	doubt() {
		this.isSure = false;
		this.#tell("line", this.line);
	}

	setLine(line) {
		if ([line, "over"].includes(this.line)) return;
		this.line = line;
		this.#tell("line", line);
	}

	#count(modseq, { unread, unseen = this.#counted?.unseen }) {
		this.#counted = { modseq, unread: Number(unread), unseen: Number(unseen) };
		this.#tell("counters");
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}
