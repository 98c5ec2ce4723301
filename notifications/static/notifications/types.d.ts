/** The shapes that the modules pass to each other, and what they promise. For editors; no page loads this file. */

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
 * What the stream sends: an event, its id or the latest id before it, its data. The line itself adds `line`, whose data is
 * a `LineState`: how the line is, and where what follows continues.
 */
export interface Frame {
	event: string;
	position: string;
	// biome-ignore lint/suspicious/noExplicitAny: each event has data of its own
	data: any;
}

/** How the line to the server is; "over" where the session has ended, for good. */
export type LineState = "live" | "connecting" | "offline" | "over";

/**
 * What tabs say to each other over a BroadcastChannel. HTTP/1.1 allows six connections to a host, over all tabs, so one
 * leads. Tabs need not stand at the same position: one that lacks something asks, the leader takes its stream back to that
 * position, and the others ignore what they know.
 *
 *     {frame}           leader to all: a frame of the stream, as it came
 *     {ask: position}   to the leader: are you there, and please continue from here
 *
 * Every `ask` is answered by a frame `line`. A leader that does not answer (its tab is frozen) loses the lock to the one who
 * asked. Where there are no locks (plain HTTP, old browsers) each tab leads itself.
 */
export interface Message {
	frame?: Frame;
	ask?: string;
}

/** One line of a page (line.js). It goes back where a frame is missing: at once, then with pauses until a ping comes. */
export interface Line {
	/** Whether this tab holds the stream, for all of them. */
	readonly isLeading: boolean;
	/** Follow or lead, from where the store stands. Does nothing where it has started or the session is over. */
	start(): void;
	/** Let another tab lead. A page that holds a lock is not kept for the "back" button, and a frozen one must not lead. */
	stop(): void;
	/** The page is looked at, or has a network again: a line of the network before may look open for minutes. */
	check(isNetworkNew?: boolean): void;
}

/** Where a page stands in the log (store.js). Frames may come twice, late or not at all; each change is told once, in order. */
export interface Store extends EventTarget {
	readonly position: string;
	readonly epoch: string;
	readonly modseq: number;
	readonly unread: number;
	readonly unseen: number;
	readonly line: LineState;
	/** Take what is new; return whether something before this frame is missing. Tells `change` or `reset`, and `counters`. */
	apply(frame: Frame): boolean | undefined;
	/** Take the counts of an answer or a page, unless they are older. Only the stream moves the position. */
	report(counts: { position: string; unread: number; unseen?: number }): void;
	/** Take a count that is a guess. */
	count(counts: { unread: number; unseen?: number }): void;
	setLine(line: LineState): void;
}

/** What a list knows of a notification; `item` where it came as JSON, `made` where it came as markup. */
export interface Row {
	id: number;
	modseq: number;
	isRead: boolean;
	isArchived: boolean;
	isGone?: boolean;
	item?: Item;
	made?: HTMLElement;
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
}

/** Which notifications belong into a list (rows.js). */
export interface Rows {
	/** What belongs there, newest first. */
	readonly ids: number[];
	/** From this id on the list is complete; 0 is the end. */
	readonly next: number;
	/** A row as it will be once what was wished has happened. */
	get(id: number): Row | undefined;
	/** The known ones that are unread and have not changed since `upTo`. */
	unread(upTo?: number): number[];
	apply(change: Change): void;
	/** After a reset anything may have happened: whatever comes next is newer. */
	doubt(): void;
	/** Take in all that there was below `before` and from `next` on, as of `modseq`. */
	add(items: Item[], before: number, next: number, modseq: number): void;
	/** Show a wish until the log tells of the rows; without one, take back what was wished. */
	wish(ids: number[], wish?: Wish): void;
}

/**
 * Do something to these of a list (act.js); with `bound`, to all that the reader has seen, of which the page may know only
 * these. What came above the view is beyond the bound. Undo is offered for what was done last. Where the stream has not
 * brought what the answer tells within two seconds, the list is fetched: nobody waits until a dead line is noticed.
 */
export type Act = (list: HTMLElement, action: string, ids: number[], bound?: string) => Promise<void>;

/** What has come since the page was made (news.js). */
export interface News extends Rows {
	/** The items of these ids that are still unread, oldest first. */
	among(ids: number[]): Item[];
	/** Apply a change; return the ids of what is new and not merely edited. A job is read while it runs: its end is new. */
	take(change: Change): number[];
}
