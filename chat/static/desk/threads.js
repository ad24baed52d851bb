/* What the desk holds of each conversation, and the agent's own messages on their way. */

import { Refused } from "../live/connection.js";
import { acknowledge, compose, discard, emptyThread, fail, receive, retry } from "../live/store.js";

export class Threads {
  #held = new Map();
  #connection;
  #me;
  #on;

  /**
   * @param connection  of the live protocol
   * @param me          {kind, id, name}: who writes
   * @param on          told of each new event in its turn: event(key, event), and of an own
   *                    message: sending(key, message), stored(key, message, ack), failed(key, message)
   */
  constructor({ connection, me, on }) {
    this.#connection = connection;
    this.#me = me;
    this.#on = on;
  }

  /** Each held conversation's key with the seq up to which it is complete. */
  get lasts() {
    return [...this.#held].map(([key, { last }]) => [key, last]);
  }

  last(key) {
    return this.#held.get(key)?.last;
  }

  /** Count a conversation as complete up to `last`, unless it is held already. */
  hold(key, last) {
    if (!this.#held.has(key)) this.#held.set(key, { ...emptyThread(), last });
  }

  forget(key) {
    this.#held.delete(key);
  }

  /** Ask for what is missing. */
  resume(key) {
    this.#connection.tell({ type: "resume", conversation: key, after: this.last(key) ?? 0 });
  }

  takeIn(event) {
    const key = event.conversation;
    this.hold(key, 0);
    const before = this.#held.get(key);
    const after = receive(before, event);
    if (after === before) return;
    this.#held.set(key, after);
    if (after.gap) return this.resume(key);
    this.#on.event(key, event);
  }

  /** The server drew the conversation up to `last`, the own messages `ids` among it. Returns what to
   *  add to that: the events `later`, the `pending` messages, and whether it `isBehind`. */
  drawn(key, last, ids) {
    const held = this.#held.get(key) ?? emptyThread();
    const pending = held.pending.filter(({ id }) => !ids.includes(id));
    const later = held.events.filter(({ seq }) => seq > last);
    const thread = later.reduce(receive, { ...emptyThread(), last, pending });
    this.#held.set(key, thread);
    return { later, pending: thread.pending, isBehind: held.last > thread.last };
  }

  send(key, { text, note }) {
    const message = { id: crypto.randomUUID(), text, note, at: new Date().toISOString() };
    this.#change(key, compose, message);
    this.#on.sending(key, message);
    this.#deliver(key, message);
  }

  /** Send a refused message once more; whether there is one. */
  sendAgain(key, id) {
    const message = this.#held.get(key).pending.find((candidate) => candidate.id === id);
    if (!message) return false;
    this.#change(key, retry, id);
    this.#deliver(key, message);
    return true;
  }

  discard(key, id) {
    this.#change(key, discard, id);
  }

  async #deliver(key, message) {
    const { id, text, note } = message;
    const frame = { type: "message.send", id, conversation: key, text, note };
    try {
      const ack = await this.#connection.send(frame);
      this.#change(key, acknowledge, id, ack.seq, this.#me, ack.at);
      if (this.#held.get(key)?.gap) return this.resume(key);
      this.#on.stored(key, message, ack);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#change(key, fail, id, error.message);
      this.#on.failed(key, { id, state: "failed", error: error.message });
    }
  }

  /** Nothing where the conversation was forgotten meanwhile. */
  #change(key, change, ...facts) {
    const held = this.#held.get(key);
    if (held) this.#held.set(key, change(held, ...facts));
  }
}
