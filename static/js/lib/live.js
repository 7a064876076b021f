// Numbered events of one object over a WebSocket: connects again by itself, and asks again for what it missed.
// studio/live.py is the other half.

/** Milliseconds to wait before the n-th attempt (from 0): doubling, at most 15 s, and scattered by half. */
export function nextDelay(attempt, random = Math.random()) {
  return Math.min(15000, 500 * 2 ** attempt) * (0.5 + random / 2);
}

/** Which of `events` are new after `last`, in order; `gap` when one in between is missing. */
export function sortOut(last, events) {
  const fresh = [];
  for (const event of events) {
    if (event.seq <= last) continue;
    if (event.seq !== last + 1) return { fresh, last, gap: true };
    fresh.push(event);
    last = event.seq;
  }
  return { fresh, last, gap: false };
}

const LASTING = 15000; // ms after which a connection was a real one

// The codes with which the server closes for good; after any other the page tries again.
const FOR_GOOD = { 4401: "signed-out", 4404: "gone" };

/** The address of a socket on this site, from a path such as "/ws/runs/…/". */
export function socketUrl(path, base = location.href) {
  const url = new URL(path, base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/**
 * Fires "event" (detail: {seq, kind, data, at}), each number once and in order; "snapshot" (detail: the object as it
 * is); "state" (detail: "connecting", "open", "waiting", or for good: "signed-out", "gone" or "closed").
 */
export class LiveFeed extends EventTarget {
  constructor(path, { after = 0 } = {}) {
    super();
    this.path = path;
    this.last = after;
    this.attempt = 0;
    this.ended = false;
    this.wake = () => this.connectNow();
    globalThis.addEventListener?.("online", this.wake);
    this.connect();
  }

  connect() {
    if (this.ended) return;
    this.#tell("state", "connecting");
    const socket = new WebSocket(socketUrl(this.path));
    this.socket = socket;
    let opened = Infinity;
    socket.addEventListener("open", () => {
      opened = Date.now();
      this.#tell("state", "open");
      this.#ask();
    });
    socket.addEventListener("message", (message) => {
      if (socket === this.socket) this.#receive(JSON.parse(message.data));
    });
    socket.addEventListener("close", (closing) => {
      if (socket !== this.socket || this.ended) return;
      if (closing.code in FOR_GOOD) {
        this.close(FOR_GOOD[closing.code]);
        return;
      }
      this.#tell("state", "waiting");
      if (Date.now() - opened >= LASTING) this.attempt = 0; // one that is taken and closed at once is no success
      this.timer = setTimeout(() => this.connect(), nextDelay(this.attempt));
      this.attempt += 1;
    });
  }

  /** Without waiting for the timer: the network has come back. */
  connectNow() {
    if (this.ended || this.socket?.readyState === WebSocket.OPEN) return;
    clearTimeout(this.timer);
    this.attempt = 0;
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.connect();
  }

  close(state = "closed") {
    this.ended = true;
    clearTimeout(this.timer);
    globalThis.removeEventListener?.("online", this.wake);
    this.socket?.close();
    this.#tell("state", state);
  }

  #ask() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ after: this.last }));
  }

  #receive(message) {
    if (message.type === "snapshot") {
      this.#tell("snapshot", message.snapshot);
      return;
    }
    const { fresh, last, gap } = sortOut(this.last, message.events);
    this.last = last;
    for (const event of fresh) this.#tell("event", event);
    if (gap) this.#ask();
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
