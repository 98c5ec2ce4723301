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
 *     {ask: position}   to the leader: are you there, and please continue from here. With `isNew`, a page that the server
 *                       has just made; with `isUnsure`, one that came back: open a new stream, which proves the login
 *     {left: true}      to the leader: a page is left, perhaps by logging out; no page follows it, so ask the server
 *
 * Every `ask` is answered by a frame `line`, whose position is empty while the server is being asked. Tabs of two epochs do
 * not judge each other: the leader goes to the server with the position of the other one, and the server's reset moves
 * whoever is wrong; so few messages pass, however many tabs there are. A leader that does not answer (its tab is frozen) loses the lock to the one who
 * asked. Where there are no locks (plain HTTP, old browsers) each tab leads itself.
 */
export interface Message {
	frame?: Frame;
	ask?: string;
	isNew?: boolean;
	isUnsure?: boolean;
	left?: boolean;
}

/** One line of a page (line.js). It goes back where a frame is missing: at once, then with pauses until a ping comes. */
export interface Line {
	/** The tag of whose page it is (access/reader.py), or nothing. */
	readonly reader: string;
	/** Whether this tab holds the stream, for all of them. */
	readonly isLeading: boolean;
	/** Follow or lead, from where the store stands. Does nothing where it has started or the session is over. */
	start(): void;
	/** Stop because the page is left; the leader asks whether the session is over, unless the next page shows up. */
	leave(): void;
	/** Have a new stream prove that the session is still the reader's. */
	verify(): void;
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
	/** The server's counters, with what actions expect of them over it; 0 while it is not known whose page this is. */
	readonly unread: number;
	readonly unseen: number;
	/** Whether it is known that the reader is still logged in. */
	readonly isSure: boolean;
	readonly line: LineState;
	/** Take what is new; return whether something before this frame is missing. Tells `change` or `reset`, and `counters`. */
	apply(frame: Frame): boolean | undefined;
	/** Take the counts of an answer or a page, unless they are older. Only the stream moves the position. */
	report(counts: { position: string; unread: number; unseen?: number }): void;
	/** Show the count as an action will leave it, whatever the server's becomes meanwhile; call what is returned to end that. */
	expect(expectation: (unread: number) => number): () => void;
	/** The page may come back to somebody else: show no count until a new stream has begun. */
	doubt(): void;
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

/** A wish as it was made. */
export interface Made {
	ids: Set<number>;
	wish: Wish;
}

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
	/** Show a wish until the log tells of the rows. */
	wish(ids: number[], wish: Wish): Made;
	takeBack(made: Made): void;
	/** How many more are unread for what was wished, given what was wished before it. */
	difference(made: Made): number;
}

/**
 * Do something to these of a list (act.js); with `all`, to what the reader has seen of it, of which the page may know only
 * these: `url` and `fields` name it, `isWhole` says that it is the inbox. What came above the view is beyond the bound.
 * Undo is offered for what was done last. Where the stream has not brought what the answer tells within two seconds, the
 * list is fetched: nobody waits until a dead line is noticed.
 */
export type Act = (list: HTMLElement, action: string, ids: number[], all?: All) => Promise<void>;

export interface All {
	url: string;
	fields: [string, string][];
	isWhole: boolean;
}

/** What has come since the page was made (news.js). */
export interface News extends Rows {
	/** The highest id that is not new. */
	newest: number;
	/** The items of these ids that are still unread, oldest first. */
	among(ids: number[]): Item[];
	/** Apply a change; return the ids of what is new and not merely edited. A job is read while it runs: its end is new. */
	take(change: Change): number[];
}
