/** Where this page stands in the log, moved by frames, which may come twice, late or never. Pure. */

export function parse(text) {
	const [, epoch = "0", modseq = "0"] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? []; // else before everything
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

	/** Return whether something before this frame is missing. */
	apply({ event, position, data }) {
		if (event !== "bye") this.setLine(event === "line" ? data : "live");
		else if (data.reason === "auth") this.setLine("over");
		const { epoch, modseq } = parse(position);
		const isOther = epoch !== this.epoch;
		const needed = { change: data.prev, ping: data.modseq, line: modseq }[event];
		if (needed > this.modseq || (isOther && needed >= 0)) return true;
		const isNews = { change: modseq > this.modseq, reset: isOther || modseq !== this.modseq }[event];
		if (!isNews) return;
		Object.assign(this, { epoch, modseq });
		this.count(data.snapshot ?? data);
		this.#tell(event, data);
	}

	report({ position, ...counts }) {
		if (!isBehind(position, this.position)) this.count(counts);
	}

	setLine(line) {
		if ([line, "over"].includes(this.line)) return;
		this.line = line;
		this.#tell("line", line);
	}

	count({ unread, unseen = this.unseen }) {
		this.unread = Number(unread);
		this.unseen = Number(unseen);
		this.#tell("counters");
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}
