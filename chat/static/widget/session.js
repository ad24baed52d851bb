/* One visitor's chat: the socket, the thread, who is there. It knows no page element; `onChange` is
 * called with the whole state after every change.
 *
 * state: {phase: "new" | "starting" | "queued" | "assigned" | "closed", link, thread, agent, queue,
 *         typist, unread} */

import { Connection, Refused } from "../live/connection.js";
import { HttpSocket } from "../live/http_socket.js";
import * as store from "../live/store.js";

const TYPING_EVERY_MS = 2_000;
const TYPING_ENDS_MS = 4_000;
const TYPING_SHOWN_MS = 6_000;
const TOKEN_SPARE_MS = 60_000;

const fresh = () => ({
  phase: "new",
  thread: store.emptyThread(),
  agent: null,
  queue: null,
  typist: null,
  unread: 0,
});

export class Session {
  #origin;
  #onChange;
  #fetch;
  #connection;
  #token = null;
  #visitor = null;
  #conversation = null;
  #starting = null;
  #page = null;
  #visible = false;
  #seen = 0;
  #typedAt = 0;
  #typingTimer = 0;
  #typistTimer = 0;

  constructor({ url, origin, onChange, fetch = globalThis.fetch.bind(globalThis), ...socket }) {
    this.#origin = origin;
    this.#onChange = onChange;
    this.#fetch = fetch;
    this.state = { ...fresh(), link: "closed" };
    this.#connection = new Connection({
      url,
      hello: (options) => this.#hello(options),
      onFrame: (frame) => this.#receive(frame),
      onState: (link) => this.#set({ link }),
      fallback: () => new HttpSocket(this.#fetch),
      ...socket,
    });
  }

  open() {
    this.#connection.open();
  }

  /** Whether the thread is before the visitor's eyes: what is shown is seen. */
  show(visible) {
    this.#visible = visible;
    if (visible) {
      this.#set({ unread: 0 });
      this.#tellSeen();
    }
  }

  page(page) {
    this.#page = page;
    this.#connection.tell({ type: "page", ...page });
  }

  /** Say something; the first words start the conversation. `fields`: {name?, email?}. */
  say(text, fields = {}) {
    const id = crypto.randomUUID();
    const at = new Date().toISOString();
    this.#set({ thread: store.compose(this.state.thread, { id, text, at }) });
    this.#stopTyping();
    if (this.#conversation) this.#send(id, text);
    else if (!this.#starting) this.#start(id, text, fields);
    // While a conversation is being started its next messages wait in the thread.
  }

  again(id) {
    const message = this.state.thread.pending.find((candidate) => candidate.id === id);
    if (!message) return;
    this.#set({ thread: store.retry(this.state.thread, id) });
    if (this.#conversation) this.#send(id, message.text);
    else if (!this.#starting) this.#start(id, message.text, {});
  }

  discard(id) {
    this.#set({ thread: store.discard(this.state.thread, id) });
  }

  typing() {
    if (!this.#conversation || this.state.phase === "closed") return;
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#stopTyping(), TYPING_ENDS_MS);
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    this.#connection.tell({ type: "typing", conversation: this.#conversation, on: true });
  }

  end() {
    if (!this.#conversation) return;
    const conversation = this.#conversation;
    this.#connection.send({ type: "conversation.end", conversation }).then(
      () => this.#close(conversation),
      (error) => error.code === "conversation_closed" && this.#close(conversation),
    );
  }

  /** Leave the ended conversation behind; the next words start another. */
  restart() {
    this.#conversation = null;
    this.#seen = 0;
    this.#set(fresh());
  }

  async #hello({ renew }) {
    if (renew || !this.#token || this.#token.until < Date.now()) await this.#renewToken();
    const resume = this.#conversation && {
      conversation: this.#conversation,
      after: this.state.thread.last,
    };
    return {
      type: "hello",
      token: this.#token.text,
      ...(resume && { resume }),
      ...(this.#page && { page: this.#page }),
    };
  }

  async #renewToken() {
    const answer = await this.#fetch("/widget/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ origin: this.#origin }),
    });
    if ([401, 403, 404, 422].includes(answer.status)) throw new Refused(await answer.json());
    if (!answer.ok) throw new Error(`token: ${answer.status}`);
    const { token, visitor, expires_in: expires } = await answer.json();
    this.#token = { text: token, until: Date.now() + expires * 1000 - TOKEN_SPARE_MS };
    this.#becomeVisitor(visitor);
  }

  #becomeVisitor(visitor) {
    if (this.#visitor && this.#visitor !== visitor) {
      // Somebody else now: nothing of the one before stays on the screen.
      this.restart();
    }
    this.#visitor = visitor;
  }

  #start(id, text, fields) {
    this.#starting = id;
    this.#set({ phase: "starting" });
    this.#connection.send({ type: "conversation.start", id, text, fields }).then(
      ({ conversation }) => {
        this.#starting = null;
        this.#conversation = conversation;
        if (this.state.phase === "starting") this.#set({ phase: "queued" });
        this.#resume();
        for (const message of this.#waiting(id)) this.#send(message.id, message.text);
      },
      (error) => {
        this.#starting = null;
        if (error.code === "already_open") {
          // Another tab was faster. Its conversation came with a welcome, or comes with the next.
          if (this.#conversation) this.#send(id, text);
          else this.#connection.resync();
          return;
        }
        this.#set({ phase: "new", thread: store.fail(this.state.thread, id, error.message) });
      },
    );
  }

  #waiting(exceptId) {
    return this.state.thread.pending.filter(
      (message) => message.id !== exceptId && message.state === "sending",
    );
  }

  #send(id, text) {
    const conversation = this.#conversation;
    this.#connection.send({ type: "message.send", id, conversation, text }).then(
      ({ seq, at }) => {
        if (conversation !== this.#conversation) return;
        this.#change((thread) =>
          store.acknowledge(thread, id, seq, { kind: "visitor", name: "" }, at),
        );
      },
      (error) => this.#set({ thread: store.fail(this.state.thread, id, error.message) }),
    );
  }

  #receive(frame) {
    if (frame.type === "welcome") return this.#welcome(frame);
    if (frame.type === "pong") return this.#compare(frame.conversations ?? {});
    if (!this.#conversation || frame.conversation !== this.#conversation) return undefined;
    if (frame.seq !== undefined && ["message", "conversation.changed"].includes(frame.type)) {
      return this.#event(frame);
    }
    if (frame.type === "typing" && frame.by === "agent") return this.#showTypist(frame);
    if (frame.type === "seen" && frame.by === "desk") {
      return this.#change((thread) => store.markRead(thread, frame.seq));
    }
    if (frame.type === "queue") {
      return this.#set({ queue: { position: frame.position, wait: frame.wait } });
    }
    return undefined;
  }

  #welcome(frame) {
    this.#becomeVisitor(frame.you.id);
    const known = frame.conversations.find((one) => one.conversation === this.#conversation);
    const found = known ?? frame.conversations.find((one) => one.state !== "closed");
    if (!found) return;
    if (!known) {
      const unsent = this.state.thread.pending;
      this.#conversation = found.conversation;
      this.#set({ thread: { ...store.emptyThread(), pending: unsent } });
      for (const message of this.#waiting(this.#starting)) this.#send(message.id, message.text);
    }
    this.#seen = Math.max(this.#seen, found.visitor_seen ?? 0);
    this.#change((thread) => store.markRead(thread, found.desk_seen ?? 0));
    this.#set({ phase: found.state, agent: found.agent ?? null });
  }

  #compare(numbers) {
    if ((numbers[this.#conversation] ?? 0) > this.state.thread.last) this.#resume();
  }

  #event(event) {
    const before = this.state.thread;
    this.#change((thread) => store.receive(thread, event));
    const { thread } = this.state;
    if (thread.last === before.last) return;
    if (event.type === "conversation.changed") this.#changed(event);
    else if (event.author.kind !== "visitor") this.#heard();
  }

  #changed(event) {
    this.#set({
      phase: event.state,
      agent: event.state === "assigned" ? (event.agent ?? this.state.agent) : null,
      queue: event.state === "queued" ? this.state.queue : null,
    });
    if (event.state === "closed") this.#showTypist({ on: false });
  }

  #heard() {
    this.#showTypist({ on: false });
    if (this.#visible) this.#tellSeen();
    else this.#set({ unread: this.state.unread + 1 });
  }

  #close(conversation) {
    if (conversation !== this.#conversation) return;
    this.#set({ phase: "closed", agent: null, queue: null, typist: null });
  }

  #resume() {
    this.#connection.tell({
      type: "resume",
      conversation: this.#conversation,
      after: this.state.thread.last,
    });
  }

  #tellSeen() {
    const { last } = this.state.thread;
    if (!this.#conversation || last <= this.#seen) return;
    this.#seen = last;
    this.#connection.tell({ type: "seen", conversation: this.#conversation, seq: last });
  }

  #showTypist({ on, name }) {
    clearTimeout(this.#typistTimer);
    if (on) this.#typistTimer = setTimeout(() => this.#set({ typist: null }), TYPING_SHOWN_MS);
    if (on || this.state.typist) this.#set({ typist: on ? name || this.state.agent?.name || "" : null });
  }

  #stopTyping() {
    clearTimeout(this.#typingTimer);
    if (!this.#typedAt) return;
    this.#typedAt = 0;
    this.#connection.tell({ type: "typing", conversation: this.#conversation, on: false });
  }

  #change(move) {
    const before = this.state.thread;
    const thread = move(before);
    if (thread !== before) this.#set({ thread });
    if (thread.gap && !before.gap) this.#resume();
  }

  #set(fields) {
    this.state = { ...this.state, ...fields };
    this.#onChange(this.state);
  }
}
