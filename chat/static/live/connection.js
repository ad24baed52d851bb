/* The client's end of the live protocol (docs/protocol.md), shared by the widget and the desk.
 *
 * A frame that changes something is kept until the server answers it and is sent again, with the
 * same id, after every reconnect; so nothing that a person wrote is lost or doubled. */

const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
const NOTICE_AFTER_MS = 3_000;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
const FLOOD_PAUSE_MS = 5_000;
const WELCOME_WITHIN_MS = 10_000;
const SILENT_SOCKETS = 2;
const PROBE_EVERY_MS = 120_000;

const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
const FLOOD = 4429;

/* Refusals that say "later": the frame stays in the outbox. */
const TRANSIENT = new Set(["too_fast", "unavailable"]);

export class Refused extends Error {
  constructor(frame) {
    super(frame.message);
    this.code = frame.code;
    this.fields = frame.fields;
  }
}

/** Milliseconds to wait before attempt `attempt` (0, 1, ...): full jitter under a doubling roof. */
export function backoff(attempt, random = Math.random) {
  return random() * Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 16));
}

/** `state`: "connecting" (nothing to worry about yet), "online", "reconnecting" (tell the person),
 *  "refused" (the server does not know us any more), "closed". */
export class Connection {
  #url;
  #hello;
  #onFrame;
  #onState;
  #Socket;
  #fallback;
  #random;
  #socket = null;
  /* Attempts in a row that brought no word of the server. */
  #silent = 0;
  #outbox = new Map();
  #attempt = 0;
  #refusals = 0;
  #state = "closed";
  #timers = new Map();

  /**
   * @param url      of the socket; `ws:` or `wss:`
   * @param hello    async ({renew}) => the first frame; `renew` after the server refused the last
   * @param onFrame  called with every frame that is no answer to an own one
   * @param onState  called with (state, {outbox: number of frames unanswered})
   * @param fallback () => something with a WebSocket's face, for networks that let none through
   */
  constructor({
    url,
    hello,
    onFrame,
    onState = () => {},
    Socket = WebSocket,
    fallback = null,
    random = Math.random,
  }) {
    this.#url = url;
    this.#hello = hello;
    this.#onFrame = onFrame;
    this.#onState = onState;
    this.#Socket = Socket;
    this.#fallback = fallback;
    this.#random = random;
  }

  get state() {
    return this.#state;
  }

  open() {
    if (this.#state !== "closed" && this.#state !== "refused") return;
    this.#attempt = this.#refusals = 0;
    this.#become("connecting");
    this.#noticeLater();
    this.#connect();
    for (const [target, type] of wakeEvents()) target.addEventListener(type, this.#wake);
  }

  close() {
    for (const [target, type] of wakeEvents()) target.removeEventListener(type, this.#wake);
    this.#clear();
    this.#drop();
    this.#become("closed");
  }

  /** Send a frame that must arrive. Resolves with its ack; rejects with Refused. */
  send(frame) {
    const sent = { id: crypto.randomUUID(), ...frame };
    return new Promise((resolve, reject) => {
      this.#outbox.set(sent.id, { frame: sent, resolve, reject });
      this.tell(sent);
    });
  }

  /** Send a frame that may be lost: typing, seen, page. */
  tell(frame) {
    if (this.#state === "online") this.#socket.send(JSON.stringify(frame));
  }

  /** Reconnect now: the events that are missing come by `hello.resume`. */
  resync() {
    if (this.#state !== "online") return;
    this.#drop();
    this.#become("connecting");
    this.#noticeLater();
    this.#connect();
  }

  #wake = () => {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.#state === "online") {
      this.#ping();
    } else if (this.#timers.has("retry")) {
      this.#attempt = 0;
      this.#connect();
    }
  };

  async #connect() {
    this.#stop("retry");
    this.#stop("probe");
    // Where sockets stay silent, each way in turn: silence may be the server's too.
    const beyond = this.#silent - SILENT_SOCKETS;
    const isFallback = this.#fallback !== null && beyond >= 0 && beyond % 2 === 0;
    const socket = (this.#socket = isFallback ? this.#fallback() : new this.#Socket(this.#url));
    this.#silent += 1;
    // A socket that was replaced in the meantime speaks to nobody.
    const current = (handler) => (event) => socket === this.#socket && handler(event);
    socket.onmessage = current(({ data }) => {
      this.#silent = isFallback ? SILENT_SOCKETS : 0;
      this.#receive(JSON.parse(data));
      if (isFallback && !this.#timers.has("probe")) this.#probeLater();
    });
    socket.onclose = current(({ code }) => this.#closed(code));
    this.#start("welcome", WELCOME_WITHIN_MS, () => {
      // One that hangs is told from one that fails: nobody should wait twice as long.
      this.#silent = Math.max(this.#silent, SILENT_SOCKETS);
      this.#lost();
    });
    socket.onopen = current(async () => {
      try {
        const frame = await this.#hello({ renew: this.#refusals > 0 });
        if (socket === this.#socket) socket.send(JSON.stringify(frame));
      } catch (error) {
        if (socket !== this.#socket) return;
        if (error instanceof Refused) this.#refuse();
        else this.#lost();
      }
    });
  }

  #receive(frame) {
    this.#stop("pong");
    const waiting = this.#outbox.get(frame.id);
    // A poll begins with a welcome each time.
    if (frame.type === "welcome" && this.#state !== "online") {
      this.#welcomed(frame);
    } else if (frame.type === "ack" && waiting) {
      this.#outbox.delete(frame.id);
      waiting.resolve(frame);
    } else if (frame.type === "error" && waiting) {
      this.#refused(waiting, frame);
    } else if (frame.type === "reconnect") {
      this.#drop();
      this.#lostFor((frame.after ?? 0) * 1000 + backoff(1, this.#random));
    } else if (frame.type !== "ack") {
      this.#onFrame(frame);
    }
  }

  #welcomed(frame) {
    this.#attempt = this.#refusals = 0;
    this.#stop("notice");
    this.#stop("welcome");
    this.#become("online");
    this.#schedulePing();
    this.#onFrame(frame);
    for (const { frame: kept } of this.#outbox.values()) this.tell(kept);
  }

  #refused(waiting, frame) {
    if (TRANSIENT.has(frame.code)) {
      const pause = (frame.retry_after ?? 1) * 1000 + backoff(0, this.#random);
      this.#start(`again ${frame.id}`, pause, () => {
        if (this.#outbox.has(frame.id)) this.tell(waiting.frame);
      });
      return;
    }
    this.#outbox.delete(frame.id);
    waiting.reject(new Refused(frame));
  }

  #closed(code) {
    if (code === FORBIDDEN) return this.#refuse();
    if (code === UNAUTHENTICATED) {
      this.#refusals += 1;
      // Once may be a token that grew old on the way; a fresh one refused is an answer.
      if (this.#refusals > 1) return this.#refuse();
    }
    this.#lost(code === FLOOD ? FLOOD_PAUSE_MS : 0);
  }

  #lost(atLeast = 0) {
    this.#drop();
    this.#lostFor(atLeast + backoff(this.#attempt++, this.#random));
  }

  #lostFor(pause) {
    if (this.#state === "online") this.#become("connecting");
    this.#stop("ping");
    this.#stop("pong");
    this.#stop("welcome");
    this.#noticeLater();
    this.#start("retry", pause, () => this.#connect());
  }

  #refuse() {
    this.#clear();
    this.#drop();
    this.#become("refused");
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #schedulePing() {
    const pause = PING_EVERY_MS * (0.9 + 0.2 * this.#random());
    this.#start("ping", pause, () => this.#ping());
  }

  #ping() {
    this.tell({ type: "ping" });
    this.#start("pong", PONG_WITHIN_MS, () => this.#lost());
    this.#schedulePing();
  }

  #probeLater() {
    this.#start("probe", PROBE_EVERY_MS * (0.9 + 0.2 * this.#random()), () => this.#probe());
  }

  /* The network may let sockets through by now; what works is kept until one opens. */
  #probe() {
    const kept = this.#socket;
    const probe = new this.#Socket(this.#url);
    probe.onopen = () => {
      probe.close();
      if (kept !== this.#socket) return;
      // It may open and carry nothing: one silence more, and the fallback is back.
      this.#silent = SILENT_SOCKETS - 1;
      this.resync();
    };
    this.#probeLater();
  }

  #noticeLater() {
    if (this.#state === "connecting" && !this.#timers.has("notice")) {
      this.#start("notice", NOTICE_AFTER_MS, () => this.#become("reconnecting"));
    }
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state, { outbox: this.#outbox.size });
  }

  #start(name, pause, action) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        action();
      }, pause),
    );
  }

  #stop(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #clear() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

function wakeEvents() {
  if (typeof window === "undefined") return [];
  return [
    [window, "online"],
    [window, "pageshow"],
    [document, "visibilitychange"],
  ];
}
