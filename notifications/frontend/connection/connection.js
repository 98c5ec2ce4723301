// @ts-check
/**
 * The connection of one reader's page to the server: one stream for all tabs.
 *
 * The tab that leads holds the EventSource and passes every frame on to the others. Tabs need not stand at the same
 * position: one that lacks something asks, the leader takes its stream back to that position, and the others ignore what
 * they know. To ask the leader where it is, to take over from one that is frozen, and to follow again after that are all the
 * same: stop, and start. Where nothing streams the tab that leads polls (polling.js) and tries a stream from time to time; what
 * it is told is passed on as frames of a stream are. Knows neither the document nor its elements.
 */

import { isBehind, isSameEpoch } from "../state/position.js";
import { backoffSeconds } from "./backoff.js";
import { fetchAs, isRefused } from "./http.js";
import { Polling } from "./polling.js";
import { Tabs } from "./tabs.js";

/** @import { ConnectionState, Frame, Store } from "../state/store.js" */

/**
 * What the connection needs of a store.
 * @typedef {Pick<Store,
 *   "position" | "epoch" | "connectionState" | "isVerified" | "apply">} FrameStore
 *
 * What tabs say to each other:
 * - `frame`, from the leader to all: a frame of the stream, as it came.
 * - `ask`, to the leader: are you there, and please continue from this position. `isNewPage`: the server has just made the
 *   page. `isUnverified`: the page came back; open a new stream, which proves the login. It is answered by a frame
 *   `connection`.
 * - `left`, to the leader: a page is left, perhaps by logging out; where no page follows it, ask the server.
 *
 * Tabs of two epochs do not judge each other: the leader goes to the server with the position of the other one, and the
 * server's reset moves whoever is wrong; so few messages pass, however many tabs there are. A leader that does not answer
 * (its tab is frozen) loses the lock to the one who asked.
 * @typedef {{type: "frame", frame: Frame}
 *   | {type: "ask", position: string, isNewPage: boolean, isUnverified: boolean}
 *   | {type: "left"}} TabMessage
 */

const SILENCE_SECONDS = 45; // three pings of 15 s
const OPENING_SECONDS = 30; // until the first frame, which a server sends at once
const POLLED_SECONDS = 30; // in which a leader that polls has something to say
const FUTILE_ATTEMPTS = 4; // to open a stream, 7 s and more, until the page polls
const TRIALS = { first: 60, longest: 600 }; // seconds, between two attempts while the page polls
const ANSWER_SECONDS = 5; // messages between tabs take milliseconds
const BYE_SECONDS = 600; // the browser waits for the server's `retry:`
const NEXT_PAGE_SECONDS = 0.6; // from one page of a tab to its next; after a logout none comes

/** @type {("hello" | "change" | "reset" | "ping" | "bye")[]} */
const STREAM_EVENTS = ["hello", "change", "reset", "ping", "bye"];

export class Connection {
  #url;
  #store;
  #reader;
  #isFreshPage;

  /** @type {Tabs<TabMessage>} */
  #tabs;

  /** @type {EventSource | undefined} */
  #source;

  /** Which the next frames of the stream continue. */
  #position = "";

  /** Whether the stream has spoken since it was opened: then the position is one that the server knows. */
  #isSettled = false;

  /** Whether the page polls from a position of another epoch, of which the server is yet to say what it is. */
  #isDisputed = false;

  /** Whether a stream from an earlier position is about to be opened. */
  #isGoingBack = false;

  /** How often the stream was opened anew without a ping since. */
  #attempt = 0;

  /** How often a stream was tried while the page polls. */
  #trial = 0;

  /** Whether there was an answer since the page polls: so it is the stream alone that does not get through. */
  #isPollAnswered = false;

  #pollUrl;
  #isLookedAt;

  /** @type {Polling} */
  #polling;

  #hasStartedBefore = false;

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** When the timer is due: those of a sleeping machine do not fire. */
  #deadlineMs = 0;

  /** Opens the stream anew, to see whether the session is still alive. @type {ReturnType<typeof setTimeout> | undefined} */
  #sessionCheck;

  /**
   * Tabs of one reader share a stream; where a page does not say whose it is, those of one inbox, which its epoch names.
   *
   * @param {object} options
   * @param {string} options.url of the stream
   * @param {FrameStore} options.store where frames go
   * @param {string} [options.reader] the tag of whose page it is (docs/protocol.md, "Whose page it is"), if it says so
   * @param {boolean} [options.isFreshPage] whether the server has just made this page, for whoever is logged in: "back" may
   *   show one that was kept
   * @param {string} [options.pollUrl] what to ask where nothing streams; a site's own template may not say
   * @param {() => boolean} [options.isLookedAt] whether anybody sees the page
   */
  constructor({ url, store, reader = "", isFreshPage = true, pollUrl = "", isLookedAt = () => true }) {
    this.#url = url;
    this.#pollUrl = pollUrl;
    this.#isLookedAt = isLookedAt;
    this.#polling = new Polling({ ask: () => this.#poll(), isLookedAt });
    this.#store = store;
    this.#reader = reader;
    this.#isFreshPage = isFreshPage;
    this.#tabs = new Tabs(`notifications:${url}:${reader || store.epoch}`, {
      hear: (message) => this.#hear(message),
      lead: () => this.#lead(),
      loseLead: () => this.#restart(),
    });
  }

  /** Whether this tab holds the stream, for all of them. */
  get isLeading() {
    return this.#tabs.isLeading;
  }

  /** Follow or lead, from where the store stands. Does nothing where that was done, or the session is over. */
  start() {
    this.#start();
  }

  /** Let another tab lead. A page that holds a lock is not kept for the "back" button, and a frozen one must not lead. */
  stop() {
    this.#closeStream();
    this.#polling.stop();
    clearTimeout(this.#sessionCheck);
    this.#tabs.leave();
  }

  /** Stop because the page is left, perhaps by logging out. */
  leave() {
    this.#tabs.post({ type: "left" });
    this.stop();
  }

  /** Have a new stream prove that the session is still the reader's. */
  verify() {
    if (this.#polling.isOn) {
      this.#polling.askNow();
    } else if (this.isLeading) {
      if (this.#isSettled) this.#openStream();
    } else if (this.#tabs.hasJoined) {
      this.#askLeader();
    }
  }

  /**
   * See to the stream, because the page is looked at again, or has a network again: a stream of the network before may look
   * open for minutes.
   *
   * @param {{isNetworkNew?: boolean}} [options]
   */
  check({ isNetworkNew = false } = {}) {
    if (this.#polling.isOn) {
      this.#polling.askNow({ isRoutine: !isNetworkNew });
      if (isNetworkNew) this.#openStream();
    } else if (this.isLeading) {
      if (isNetworkNew || !this.#isStreamAlive()) this.#openStream();
    } else if (this.#tabs.hasJoined) {
      this.#askLeader();
    }
  }

  /** @param {{isStealing?: boolean}} [options] */
  #start({ isStealing = false } = {}) {
    if (this.#tabs.hasJoined || this.#store.connectionState === "over") return;
    this.#tabs.join();
    const isNewPage = this.#isFreshPage && !this.#hasStartedBefore;
    this.#hasStartedBefore = true;
    this.#askLeader({ isNewPage });
    this.#tabs.requestLead({ isStealing });
  }

  /** @param {{isStealing?: boolean}} [options] */
  #restart(options) {
    this.stop();
    this.#start(options);
  }

  // --- Between the tabs

  #lead() {
    this.#openStream(this.#store.position);
    if (this.#store.connectionState === "polling") this.#startPolling(); // as the tab before it did
    this.#answer();
  }

  /** @param {TabMessage} message */
  #hear(message) {
    if (message.type === "frame" && !this.isLeading) {
      this.#expectLeader(message.frame);
      this.#apply(message.frame);
    }
    if (!this.isLeading) return;
    if (message.type === "ask") {
      if (message.isNewPage) clearTimeout(this.#sessionCheck);
      this.#serve(message.position, message.isUnverified);
      this.#answer();
    }
    if (message.type === "left") this.#checkSessionSoon();
  }

  /**
   * Ask a leader that says nothing more. One that polls and is hidden asks the server only for a tab that is not.
   *
   * @param {Frame} frame its latest
   */
  #expectLeader(frame) {
    const { isPolled } = frame;
    this.#schedule(isPolled ? POLLED_SECONDS : SILENCE_SECONDS, () => {
      if (!isPolled || this.#isLookedAt()) this.#askLeader();
    });
  }

  #askLeader({ isNewPage = false } = {}) {
    this.#schedule(ANSWER_SECONDS, () => this.#restart({ isStealing: true }));
    const { position, isVerified } = this.#store;
    this.#tabs.post({ type: "ask", position, isNewPage, isUnverified: !isVerified });
  }

  #answer() {
    this.#tabs.post({ type: "frame", frame: this.#describe(this.#store.connectionState) });
  }

  /**
   * How the connection is, as a frame: so a tab that is behind finds its gap where it finds all others, in its store.
   *
   * @param {ConnectionState} state
   * @returns {Frame}
   */
  #describe(state) {
    const position = this.#isSettled && !this.#isDisputed ? this.#position : "";
    return { event: "connection", position, data: state, isPolled: this.#polling.isOn };
  }

  /** A tab has left: the reader may have logged out, which the server tells who opens a stream. */
  #checkSessionSoon() {
    clearTimeout(this.#sessionCheck);
    this.#sessionCheck = setTimeout(() => {
      this.#polling.askNow();
      if (this.#source?.readyState === EventSource.OPEN) this.#openStream();
    }, NEXT_PAGE_SECONDS * 1000);
  }

  // --- What frames bring

  /**
   * Take a frame of this tab's own stream, and pass it on.
   *
   * @param {Frame} frame
   */
  #pass(frame) {
    this.#tabs.post({ type: "frame", frame });
    this.#apply(frame);
  }

  /** @param {Frame} frame */
  #apply(frame) {
    const isGap = this.#store.apply(frame);
    if (this.#store.connectionState === "over") {
      this.stop();
    } else if (isGap) {
      if (this.isLeading) this.#serve(this.#store.position, false);
      else this.#askLeader();
    }
  }

  /**
   * Somebody stands at this position: continue from there, if it is behind. One of another epoch is neither behind nor
   * ahead: the server decides, and resets whoever is wrong. While it is being asked, asking it something else would put that
   * off for ever.
   *
   * @param {string} position
   * @param {boolean} isUnverified whether that page needs a new stream
   */
  #serve(position, isUnverified) {
    if (this.#polling.isOn) {
      this.#servePolled(position, isUnverified);
    } else if (!isSameEpoch(position, this.#position)) {
      if (this.#isSettled) this.#goBack(position);
    } else if (isBehind(position, this.#position)) {
      this.#goBack(position);
    } else if (isUnverified && this.#isSettled) {
      this.#openStream();
    }
  }

  /**
   * The same by polls: one position of another epoch is taken, and no further one before there is an answer. Otherwise the tabs of
   * two epochs would take turns, each told of the other's position.
   *
   * @param {string} position
   * @param {boolean} isUnverified
   */
  #servePolled(position, isUnverified) {
    const isFromOtherEpoch = !isSameEpoch(position, this.#position) && !this.#isDisputed;
    const isElsewhere = isFromOtherEpoch || isBehind(position, this.#position);
    if (isElsewhere) this.#position = position;
    if (isFromOtherEpoch) this.#isDisputed = true;
    this.#polling.askNow({ isRoutine: !isElsewhere && !isUnverified });
  }

  /**
   * Continue from an earlier position: at once, then with pauses until a ping comes.
   *
   * @param {string} position
   */
  #goBack(position) {
    this.#position = position;
    if (this.#isGoingBack) return; // already on its way
    this.#closeStream();
    this.#isGoingBack = true;
    this.#isSettled = false;
    const pauseSeconds = this.#attempt === 0 ? 0 : backoffSeconds(this.#attempt);
    this.#attempt += 1;
    this.#schedule(pauseSeconds, () => this.#openStream());
  }

  // --- The stream

  #openStream(position = this.#position) {
    this.#closeStream();
    const source = new EventSource(this.#addressFrom(position));
    for (const event of STREAM_EVENTS) {
      source.addEventListener(event, (message) => this.#receive(event, message));
    }
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.#retry(source);
      if (!this.#polling.isOn) this.#passState();
    });
    this.#source = source;
    this.#position = position;
    this.#isSettled = false;
    this.#isGoingBack = false;
    this.#expectFrame(OPENING_SECONDS);
  }

  /** Say that the connection is broken. */
  #passState() {
    this.#pass(this.#describe(navigator.onLine === false ? "offline" : "connecting"));
  }

  #closeStream() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {string} position */
  #addressFrom(position) {
    const address = `${this.#url}?since=${position}`;
    return this.#reader ? `${address}&reader=${encodeURIComponent(this.#reader)}` : address;
  }

  #isStreamAlive() {
    return (
      this.#source !== undefined && this.#source.readyState !== EventSource.CLOSED && Date.now() < this.#deadlineMs
    );
  }

  /**
   * @param {typeof STREAM_EVENTS[number]} event
   * @param {MessageEvent<string>} message
   */
  #receive(event, { lastEventId, data: text }) {
    const data = JSON.parse(text);
    if (lastEventId) this.#position = lastEventId;
    if (event === "ping") this.#attempt = 0;
    if (event === "bye" && data.reason === "poll" && this.#pollUrl) {
      this.#startPolling();
      this.#tryLater();
      return;
    }
    if (event === "bye") {
      const isOneTooMany = data.reason === "cap"; // this user has too many streams
      if (isOneTooMany) this.#source?.close();
      this.#schedule(BYE_SECONDS, () => this.#openStream());
    } else {
      this.#isSettled = true;
      this.#stopPolling(event);
      this.#expectFrame(SILENCE_SECONDS);
    }
    this.#pass(/** @type {Frame} */ ({ event, position: this.#position, data }));
  }

  /**
   * Open the stream that the browser has given up anew, after a pause, unless the session is over, which EventSource does not
   * tell.
   *
   * @param {EventSource} source
   */
  async #retry(source) {
    if (this.#polling.isOn) {
      this.#tryLater();
      return;
    }
    this.#attempt += 1;
    this.#schedule(backoffSeconds(this.#attempt), () => this.#openStream());
    const response = await fetch(source.url).catch(console.warn);
    response?.body?.cancel(); // it may be a stream
    if (source !== this.#source) return;
    if (!isRefused(response)) {
      const status = response?.status;
      console.warn("no live stream:", source.url, status);
      if (status && this.#attempt >= FUTILE_ATTEMPTS) this.#startPolling();
      return;
    }
    this.#closeStream();
    this.#passEnd();
  }

  /** Say that the session is over. */
  #passEnd() {
    this.#pass({ event: "bye", position: this.#position, data: { reason: "auth" } });
  }

  // --- Where nothing streams

  #startPolling() {
    if (!this.#pollUrl) return;
    if (this.#polling.isOn) return;
    console.warn("nothing streams, so the page polls:", this.#url);
    this.#isPollAnswered = false;
    this.#polling.start();
  }

  /** @param {typeof STREAM_EVENTS[number]} event a stream has brought */
  #stopPolling(event) {
    this.#polling.stop();
    this.#isDisputed = false;
    if (event === "ping") this.#trial = 0; // it has lasted
  }

  /** Try a stream again after a while, in which no connection is held. */
  #tryLater() {
    this.#closeStream();
    this.#isSettled = true; // the position is one that the server knows, or the next poll tells
    this.#trial += 1;
    this.#schedule(backoffSeconds(this.#trial, undefined, TRIALS), () => this.#openStream());
  }

  /** @returns {Promise<boolean>} whether there was an answer */
  async #poll() {
    const response = await fetchAs(this.#reader, `${this.#pollUrl}?since=${this.#position}`).catch(console.warn);
    const answer = response?.ok && (await response.json().catch(console.warn));
    if (!this.#polling.isOn) return false; // live, or left
    const isOurs = Array.isArray(answer?.frames); // a proxy's page is no answer
    if (isOurs) this.#takeAnswer(answer.frames);
    else if (isRefused(response)) this.#passEnd();
    else this.#missAnswer();
    return isOurs;
  }

  /** @param {{event: any, id?: string, data: any}[]} frames */
  #takeAnswer(frames) {
    this.#isPollAnswered = true;
    this.#isDisputed = false;
    this.#attempt = 0;
    for (const { event, id, data } of frames) {
      if (id) this.#position = id;
      this.#pass({ event, position: this.#position, data, isPolled: true });
    }
  }

  /** The server is away. Where it was never heard, not by polling either, streams are tried as before. */
  #missAnswer() {
    if (!this.#isPollAnswered) this.#polling.stop();
    this.#passState();
    if (this.#polling.isOn || this.#source) return; // which is being tried
    this.#attempt += 1;
    this.#schedule(backoffSeconds(this.#attempt), () => this.#openStream());
  }

  // --- Time

  /**
   * See to a stream of which nothing is heard for so long: open it anew, and poll meanwhile. One that has brought nothing at
   * all is held back on its way.
   *
   * @param {number} seconds
   */
  #expectFrame(seconds) {
    this.#schedule(seconds, () => {
      const isFutile = !this.#isSettled && this.#pollUrl;
      this.#startPolling();
      if (isFutile) this.#tryLater();
      else this.#openStream();
    });
  }

  /**
   * Do something later, instead of what was scheduled before.
   *
   * @param {number} seconds
   * @param {() => void} action
   */
  #schedule(seconds, action) {
    clearTimeout(this.#timer);
    this.#deadlineMs = Date.now() + seconds * 1000;
    this.#timer = setTimeout(action, seconds * 1000);
  }
}
