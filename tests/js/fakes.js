// @ts-check
/** What a browser has and Node lacks or should not do for real: an EventSource, and tabs that share locks. */

/** An EventSource that a test opens, feeds and breaks. `FakeEventSource.all` holds every one made. */
export class FakeEventSource {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;
  /** @type {FakeEventSource[]} */
  static all = [];

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    this.readyState = FakeEventSource.CONNECTING;
    /** @type {Map<string, (event: any) => void>} */
    this.listeners = new Map();
    this.lastEventId = "";
    FakeEventSource.all.push(this);
  }

  static get latest() {
    return /** @type {FakeEventSource} */ (FakeEventSource.all.at(-1));
  }

  /** @param {string} name @param {(event: any) => void} listener */
  addEventListener(name, listener) {
    this.listeners.set(name, listener);
  }

  close() {
    this.readyState = FakeEventSource.CLOSED;
  }

  /** @param {string} event @param {object} data @param {string} [id] */
  send(event, data, id) {
    if (this.readyState === FakeEventSource.CLOSED) return;
    this.readyState = FakeEventSource.OPEN;
    this.lastEventId = id ?? this.lastEventId;
    this.listeners.get(event)?.({ data: JSON.stringify(data), lastEventId: this.lastEventId });
  }

  /** Answer with 403 or 500: the browser closes for good. */
  refuse() {
    this.readyState = FakeEventSource.CLOSED;
    this.listeners.get("error")?.({});
  }
}

/** Web Locks of one name: one holder, a queue, and stealing. https://w3c.github.io/web-locks/ */
export class FakeLocks {
  /** @type {{callback: () => any, resolve: (value: any) => void, reject: (reason: any) => void} | null} */
  holder = null;
  /** @type {NonNullable<FakeLocks["holder"]>[]} */
  queue = [];

  /** @param {string} _name @param {{signal?: AbortSignal, steal?: boolean}} options @param {() => any} callback */
  request(_name, options, callback) {
    return new Promise((resolve, reject) => {
      const request = { callback, resolve, reject };
      const abort = () => new DOMException("aborted", "AbortError");
      if (options.steal) {
        this.holder?.reject(abort());
        this.#grant(request);
        return;
      }
      options.signal?.addEventListener("abort", () => {
        if (!this.queue.includes(request)) return;
        this.queue.splice(this.queue.indexOf(request), 1);
        reject(abort());
      });
      if (this.holder) this.queue.push(request);
      else this.#grant(request);
    });
  }

  /** @param {NonNullable<FakeLocks["holder"]>} request */
  async #grant(request) {
    this.holder = request;
    const value = await request.callback();
    request.resolve(value);
    if (this.holder !== request) return;
    this.holder = null;
    const next = this.queue.shift();
    if (next) this.#grant(next);
  }
}

/** A BroadcastChannel that delivers at once, in order. */
export class FakeChannel {
  /** @type {Set<FakeChannel>} */
  static all = new Set();

  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.isFrozen = false;
    /** @type {(event: {data: any}) => void} */
    this.onmessage = () => {};
    FakeChannel.all.add(this);
  }

  /** @param {any} data */
  postMessage(data) {
    for (const other of [...FakeChannel.all]) {
      if (other !== this && other.name === this.name && !other.isFrozen)
        other.onmessage?.({ data: structuredClone(data) });
    }
  }

  close() {
    FakeChannel.all.delete(this);
  }
}

/** @param {number} prev @param {number} modseq @param {object} [more] */
export function change(prev, modseq, more = {}) {
  return { prev, modseq, upsert: [], gone: [], unread: modseq, unseen: 0, ...more };
}

/** @param {number} id @param {number} modseq @param {object} [more] */
export function item(id, modseq, more = {}) {
  const text = { category: "general", level: "info", title: `Number ${id}`, body: "", url: "", actor: "" };
  return { id, modseq, ...text, created_at: "2026-01-01T12:00:00+00:00", read_at: null, archived_at: null, ...more };
}
