/** Where this page stands in the log, moved by frames, which may come twice, late or not at all. Pure. */

/** What is none stands before everything, so it leads to a reset. */
export function parse(text) {
	const [, epoch = "0", modseq = "0"] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
	return { epoch, modseq: Number(modseq) };
}

export function isBehind(mine, theirs) {
	const [a, b] = [parse(mine), parse(theirs)];
	return a.epoch !== b.epoch || a.modseq < b.modseq;
}

export class Store extends EventTarget {
	line = "connecting";

	constructor({ position, ...counts }) {
		super();
		Object.assign(this, parse(position));
		this.count(counts);
	}

	get position() {
		return `${this.epoch}.${this.modseq}`;
	}

	apply({ event, position, data }) {
		if (event === "bye") {
			if (data.reason !== "auth") return "known";
			this.#tell("over");
			return "over";
		}
		this.setLine(event === "line" ? data : "live");
		const { epoch } = parse(position);
		const isOther = epoch !== this.epoch;
		const isAhead = isOther || data.modseq > this.modseq;
		if (event === "change" ? isOther || data.prev > this.modseq : event === "ping" && isAhead) return "gap";
		const isNews = event === "change" ? isAhead : event === "reset" && (isOther || data.modseq !== this.modseq);
		if (!isNews) return "known"; // hello tells what the next frames tell
		Object.assign(this, { epoch, modseq: data.modseq });
		this.count(data.snapshot ?? data);
		this.#tell(event, data);
		return "applied";
	}

	/** Only the stream moves the position. */
	report({ position, ...counts }) {
		const { epoch, modseq } = parse(position);
		if (epoch === this.epoch && modseq >= this.modseq) this.count(counts);
	}

	setLine(line) {
		if (line === this.line) return;
		this.line = line;
		this.#tell("line", line);
	}

	count({ unread, unseen = this.unseen ?? 0 }) {
		Object.assign(this, { unread: Number(unread), unseen: Number(unseen) });
		this.#tell("counters");
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}
