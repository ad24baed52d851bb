/* The thread on the page: bubbles, delivery states, typing, and where it is scrolled to. */

import { linkify } from "../live/store.js";
import { whatHappened } from "./format.js";
import { localTime } from "./clock.js";

const NEAR_END_PX = 80;
const GROUPED_WITHIN_MS = 5 * 60_000;
const TYPING_FORGOTTEN_MS = 6_000;

export class ThreadView {
  #pane;
  #log;
  #jump;
  #typing;
  #typingTimer;
  #onRetry;
  #onDiscard;
  #missed = 0;
  #read = 0;

  /** `pane`: the open conversation's element. `onRetry`, `onDiscard` get an own message's id. */
  constructor(pane, { onRetry, onDiscard }) {
    this.#pane = pane;
    this.#log = pane.querySelector("#log");
    this.#jump = pane.querySelector("#jump");
    this.#typing = pane.querySelector("#typing");
    this.#onRetry = onRetry;
    this.#onDiscard = onDiscard;
    this.#log.addEventListener("scroll", () => this.#isNearEnd() && this.#caughtUp());
    this.#jump.addEventListener("click", () => this.toEnd());
    this.toEnd();
    this.read(Number(pane.dataset.visitorSeen));
  }

  /** Show one durable event; an own message that stands there already is settled instead. */
  add(event) {
    const known = event.id && this.#bubble(event.id);
    if (known) return this.settle(event.id, event);
    const follows = this.#isNearEnd();
    const element =
      event.type === "message" ? this.#message(event) : this.#systemLine(whatHappened(event), event);
    element.dataset.seq = event.seq;
    this.#log.append(element);
    if (event.author?.kind === "visitor") this.typing(false);
    this.#scrolled(follows);
    this.#showStates();
  }

  /** Show an own message before the server has it. */
  addPending(message, author) {
    if (this.#bubble(message.id)) return;
    this.#log.append(this.#message({ ...message, author }));
    this.showPending(message);
    this.toEnd();
  }

  /** `message.state`: "sending" or "failed" with its `error`. */
  showPending({ id, state, error }) {
    const bubble = this.#bubble(id);
    if (!bubble) return;
    bubble.dataset.state = state;
    const line = field(bubble, "state");
    line.hidden = false;
    line.textContent = state === "failed" ? `Not sent. ${error} ` : "Sending…";
    if (state !== "failed") return;
    line.append(
      button("Retry", () => this.#onRetry(id)),
      " ",
      button("Discard", () => {
        this.#onDiscard(id);
        bubble.remove();
      }),
    );
  }

  /** The server has the own message `id`. */
  settle(id, { seq, at }) {
    const bubble = this.#bubble(id);
    if (!bubble) return;
    bubble.dataset.seq = seq;
    delete bubble.dataset.state;
    if (at) stamp(bubble, at);
    this.#showStates();
  }

  /** The visitor has read up to `seq`. */
  read(seq) {
    this.#read = Math.max(this.#read, seq || 0);
    this.#showStates();
  }

  typing(on, name = "") {
    clearTimeout(this.#typingTimer);
    this.#typing.hidden = !on;
    field(this.#typing, "typing").textContent = on ? `${name} is typing` : "";
    if (on) this.#typingTimer = setTimeout(() => this.typing(false), TYPING_FORGOTTEN_MS);
  }

  presence(online) {
    field(this.#pane, "presence").textContent = online ? "on the website" : "left the website";
  }

  closed() {
    this.#pane.dataset.state = "closed";
    field(this.#pane, "state").textContent = "closed";
    for (const [selector, hidden] of [
      ["#composer", true],
      ["[data-needs-open]", true],
      ["#ended", false],
    ]) {
      const element = this.#pane.querySelector(selector);
      if (element) element.hidden = hidden;
    }
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#caughtUp();
  }

  #bubble(id) {
    return this.#log.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  #message(event) {
    const bubble = fromTemplate("event-message");
    const own = event.author.kind !== "visitor";
    const key = `${event.author.kind}:${event.author.id ?? ""}:${event.note ? "True" : "False"}`;
    const previous = this.#log.lastElementChild;
    bubble.className = `bubble bubble--${own ? "own" : "other"}`;
    bubble.classList.toggle("bubble--note", Boolean(event.note));
    bubble.classList.toggle(
      "bubble--continues",
      previous?.dataset.author === key &&
        new Date(event.at) - new Date(previous.dataset.at) < GROUPED_WITHIN_MS,
    );
    bubble.dataset.id = event.id ?? "";
    bubble.dataset.author = key;
    field(bubble, "author").textContent = event.author.name || (own ? "Agent" : "Visitor");
    field(bubble, "text").replaceChildren(...linkified(event.text));
    stamp(bubble, event.at);
    return bubble;
  }

  #systemLine(text, event) {
    const line = fromTemplate("event-system");
    field(line, "text").textContent = text;
    stamp(line, event.at);
    return line;
  }

  /** Under the last own message alone stands how far it came. */
  #showStates() {
    const settled = [...this.#log.querySelectorAll(".bubble--own:not(.bubble--note)")].filter(
      (bubble) => Number(bubble.dataset.seq) > 0 && !bubble.dataset.state,
    );
    for (const bubble of settled) field(bubble, "state").hidden = true;
    for (const note of this.#log.querySelectorAll(".bubble--note:not([data-state])"))
      field(note, "state").hidden = true;
    const last = settled.at(-1);
    if (!last) return;
    const line = field(last, "state");
    line.hidden = false;
    line.textContent = Number(last.dataset.seq) <= this.#read ? "Seen" : "Sent";
  }

  #isNearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #scrolled(follows) {
    if (follows) return this.toEnd();
    this.#missed += 1;
    this.#jump.hidden = false;
    field(this.#jump, "jump").textContent = `${this.#missed} new`;
  }

  #caughtUp() {
    this.#missed = 0;
    this.#jump.hidden = true;
  }
}

function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function field(element, name) {
  return element.querySelector(`[data-field="${name}"]`);
}

function stamp(element, at) {
  const moment = new Date(at).toISOString();
  element.dataset.at = moment;
  const time = element.querySelector("time");
  time.dateTime = moment;
  time.textContent = localTime(moment);
}

function button(label, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "link-button";
  made.textContent = label;
  made.addEventListener("click", action);
  return made;
}

function linkified(text) {
  return linkify(text).map(({ text: words, href }) => {
    if (!href) return words;
    const link = document.createElement("a");
    link.href = href;
    link.textContent = words;
    link.rel = "noopener nofollow ugc noreferrer";
    link.target = "_blank";
    return link;
  });
}
