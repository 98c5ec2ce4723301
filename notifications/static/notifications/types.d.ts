/** The shapes that the modules pass to each other. For editors; no page loads this file. */

/** The JSON of a notification (payloads.py). */
export interface Item {
	id: number;
	modseq: number;
	category: string;
	level: "info" | "success" | "warning" | "error";
	title: string;
	body: string;
	url: string;
	actor: string;
	topic: string;
	data: { progress?: { done: number; total: number | null; state: "running" | "success" | "failure" | "stalled" } };
	created_at: string;
	read_at: string | null;
	archived_at: string | null;
}

/** The data of a `change` frame (docs/protocol.md). */
export interface Change {
	prev: number;
	modseq: number;
	upsert: Item[];
	gone: number[];
	read_upto?: number;
	read_at?: string;
	unread: number;
	unseen: number;
}

/**
 * What the stream sends: an event, its id or the latest id before it, its data. The line itself adds `line`, whose data
 * is "connecting".
 */
export interface Frame {
	event: string;
	position: string;
	// biome-ignore lint/suspicious/noExplicitAny: each event has data of its own
	data: any;
}

/** What a frame meant to a store. On "gap" the caller fetches what is missing. */
export type Verdict = "applied" | "known" | "gap" | "over";

/** How the line to the server is. */
export type Line = "live" | "connecting" | "offline";

/**
 * What tabs say to each other over a BroadcastChannel. HTTP/1.1 allows six connections to a host, over all tabs, so one
 * leads. Tabs need not stand at the same position: one that lacks something asks, the leader takes its stream back to that
 * position, and the others ignore what they know.
 *
 *     {frame}           leader to all: a frame of the stream, as it came
 *     {ask: position}   to the leader: are you there, and please continue from here
 *     {at: position, line}   leader to all: I lead, and what follows continues from here
 *
 * Every `ask` is answered by `at`. A leader that does not answer (its tab is frozen) loses the lock to the one who asked.
 * Where there are no locks (plain HTTP, old browsers) each tab leads itself.
 */
export interface Message {
	frame?: Frame;
	ask?: string;
	at?: string;
	line?: Line;
}

/** What a list knows of a notification; `item` where it came as JSON and not as markup. */
export interface Row {
	id: number;
	modseq: number;
	isRead: boolean;
	isArchived: boolean;
	isGone?: boolean;
	item?: Item;
}

/** What an action will make of a row, shown before the server has said so. */
export type Wish = Partial<Pick<Row, "isRead" | "isArchived" | "isGone">>;

/** What a list holds: a tab, filters, ids below `before` and from `next` on; empty strings narrow nothing. */
export interface Page {
	tab?: string;
	category?: string;
	level?: string;
	q?: string;
	before?: number;
	next?: number;
	rows?: Iterable<Row>;
}
