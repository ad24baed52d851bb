/* Puts the lines of a thread on the screen and keeps their elements: a line that stays is not
 * written again, so a screen reader hears each message once. */

import { linkify } from "../live/store.js";
import { lines } from "./lines.js";

const NEAR_END_PX = 80;

export class ThreadView {
  #log;
  #scroll;
  #newer;
  #elements = new Map();
  #onRetry;
  #onDiscard;

  constructor({ log, scroll, newer, onRetry, onDiscard }) {
    this.#log = log;
    this.#scroll = scroll;
    this.#newer = newer;
    this.#onRetry = onRetry;
    this.#onDiscard = onDiscard;
    newer.addEventListener("click", () => this.toEnd());
    scroll.addEventListener("scroll", () => {
      if (this.#isAtEnd()) newer.hidden = true;
    });
  }

  show(thread) {
    const wasAtEnd = this.#isAtEnd();
    const shown = lines(thread);
    const keys = new Set(shown.map(({ key }) => key));
    for (const [key, { element }] of this.#elements) {
      if (keys.has(key)) continue;
      element.remove();
      this.#elements.delete(key);
    }
    let news = null;
    let previous = null;
    for (const line of shown) {
      const isNew = !this.#elements.has(line.key);
      const element = this.#draw(line);
      // A message that got its place in the stream may move up past one still on its way.
      const place = previous ? previous.nextSibling : this.#log.firstChild;
      if (place !== element) this.#log.insertBefore(element, place);
      previous = element;
      if (isNew) news = line;
    }
    if (!news) return;
    if (wasAtEnd || news.own) this.toEnd();
    else this.#newer.hidden = false;
  }

  toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newer.hidden = true;
  }

  #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #draw(line) {
    let known = this.#elements.get(line.key);
    const drawn = JSON.stringify(line);
    if (known?.drawn === drawn) return known.element;
    if (!known) {
      known = { element: document.createElement(line.kind === "message" ? "div" : "p") };
      this.#elements.set(line.key, known);
    }
    known.drawn = drawn;
    if (line.kind === "message") this.#drawMessage(known, line);
    else {
      known.element.className = line.kind;
      known.element.textContent = line.text;
    }
    return known.element;
  }

  #drawMessage(known, line) {
    const { element } = known;
    const marks = [
      line.own && "line--own",
      line.first && "line--first",
      line.last && "line--last",
      line.state !== "stored" && `line--${line.state}`,
    ];
    element.className = ["line", ...marks.filter(Boolean)].join(" ");
    if (!known.bubble) {
      known.who = paragraph("line__who");
      known.bubble = paragraph("bubble");
      known.foot = paragraph("line__foot");
      known.bubble.dir = "auto";
      known.bubble.append(...linkify(line.text).map(part));
      element.append(known.who, known.bubble, known.foot);
    }
    known.who.textContent = line.who;
    known.who.hidden = !line.who || !line.first;
    this.#drawFoot(known.foot, line);
  }

  #drawFoot(foot, line) {
    foot.textContent = line.foot;
    if (line.state !== "failed") return;
    foot.textContent = `Not sent. ${line.foot} `;
    foot.append(
      link("Try again", () => this.#onRetry(line.key)),
      link("Discard", () => this.#onDiscard(line.key)),
    );
  }
}

function paragraph(className) {
  const element = document.createElement("p");
  element.className = className;
  return element;
}

function part({ text, href }) {
  if (!href) return document.createTextNode(text);
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.textContent = text;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer nofollow ugc";
  return anchor;
}

function link(text, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = text;
  button.addEventListener("click", action);
  return button;
}
