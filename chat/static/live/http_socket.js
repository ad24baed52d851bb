/* What stands in for a visitor's WebSocket where the network lets none through (docs/protocol.md,
 * "Without WebSockets"): frames go out by POST, one request at a time, and come in by polls. It has
 * as much of a WebSocket's face as Connection uses. */

const FRAMES = "/widget/frames";
const EVENTS = "/widget/events";
const FRAMES_AT_ONCE = 16;
const POLL_S = 25;
const ANSWER_WITHIN_MS = 15_000;

const DURABLE = new Set(["message", "conversation.changed"]);
const AGAIN = "again";

/* A refused request ends this as the same refusal would end a socket; anything else is a lost line. */
const CLOSE_CODES = { 401: 4401, 403: 4403, 429: 4429 };
const LOST = 1006;

export class HttpSocket {
  #fetch;
  #token = "";
  #resume = null;
  #outgoing = [];
  #isPosting = false;
  #isOver = false;
  #poll = null;
  #requests = new Set();

  constructor(fetch = globalThis.fetch.bind(globalThis)) {
    this.#fetch = fetch;
    queueMicrotask(() => this.onopen?.());
  }

  send(text) {
    const frame = JSON.parse(text);
    if (frame.type === "hello") {
      this.#begin(frame);
    } else if (frame.type === "resume") {
      // What is on its way may be about another conversation, or may have been lost.
      this.#resume = { conversation: frame.conversation, after: frame.after };
      this.#poll?.abort(AGAIN);
    } else {
      this.#outgoing.push(text);
      this.#post();
    }
  }

  close() {
    this.#isOver = true;
    for (const request of this.#requests) request.abort();
  }

  async #begin({ token, resume, page }) {
    this.#token = token;
    this.#resume = resume ?? null;
    if (!(await this.#ask(EVENTS, 0))) return;
    if (page) this.send(JSON.stringify({ ...page, type: "page" }));
    while (await this.#ask(EVENTS, POLL_S));
  }

  async #post() {
    if (this.#isPosting) return;
    this.#isPosting = true;
    while (this.#outgoing.length) {
      const frames = this.#outgoing.splice(0, FRAMES_AT_ONCE);
      if (!(await this.#ask(FRAMES, 0, `[${frames.join(",")}]`))) return;
    }
    this.#isPosting = false;
  }

  /** One request; its frames are heard. Whether this goes on. */
  async #ask(path, wait, body) {
    if (this.#isOver) return false;
    const request = new AbortController();
    const timer = setTimeout(() => request.abort(), wait * 1000 + ANSWER_WITHIN_MS);
    this.#requests.add(request);
    if (!body) this.#poll = request;
    try {
      const answer = await this.#fetch(`${path}?${this.#query(body ? {} : { wait })}`, {
        method: body ? "POST" : "GET",
        headers: {
          Authorization: `Bearer ${this.#token}`,
          ...(body && { "Content-Type": "application/json" }),
        },
        body,
        cache: "no-store",
        credentials: "omit",
        signal: request.signal,
      });
      const frames = await answer.json();
      for (const frame of frames) this.#hear(frame, !body);
      if (!answer.ok) this.#end(CLOSE_CODES[answer.status] ?? LOST);
    } catch {
      if (request.signal.reason !== AGAIN) this.#end(LOST);
    } finally {
      clearTimeout(timer);
      this.#requests.delete(request);
    }
    return !this.#isOver;
  }

  #query(more) {
    return new URLSearchParams({ ...this.#resume, ...more });
  }

  #hear(frame, isPolled) {
    if (this.#isOver) return;
    if (isPolled) this.#follow(frame);
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /* The next poll asks for what comes after this one. */
  #follow({ type, conversation, conversations, seq }) {
    if (type === "welcome") {
      const shown = conversations[0]?.conversation;
      if (shown && shown !== this.#resume?.conversation) this.#resume = { conversation: shown, after: 0 };
    } else if (DURABLE.has(type) && conversation === this.#resume?.conversation) {
      this.#resume.after = Math.max(this.#resume.after, seq);
    }
  }

  #end(code) {
    if (this.#isOver) return;
    this.close();
    this.onclose?.({ code });
  }
}
