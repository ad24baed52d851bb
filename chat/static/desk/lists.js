/* The lists beside the thread. The server draws them whole; between two drawings a message only
 * changes its row. */

import { localise, tick } from "./clock.js";

const GATHERED_MS = 60;

export class Lists {
  #root = document.getElementById("lists");
  #home;
  #openKey;
  #onDrawn;
  #onSignedOut;
  #timer = null;
  #drawing = 0;

  /** `openKey`: () => the key of the open conversation or "". */
  constructor({ home, openKey, onDrawn, onSignedOut }) {
    this.#home = home;
    this.#openKey = openKey;
    this.#onDrawn = onDrawn;
    this.#onSignedOut = onSignedOut;
  }

  /** The keys of the agent's own conversations from top to bottom. */
  get keys() {
    return [...this.#root.querySelectorAll("#mine .row")].map((row) => row.dataset.key);
  }

  /** Key to the seq that each drawn conversation of the agent's own stands at. */
  get seqs() {
    const rows = this.#root.querySelectorAll("#mine .row");
    return new Map([...rows].map((row) => [row.dataset.key, Number(row.dataset.seq)]));
  }

  get offers() {
    return [...this.#root.querySelectorAll(".offer")];
  }

  get unread() {
    return [...this.#root.querySelectorAll('[data-field="unread-number"]')].reduce(
      (sum, { textContent }) => sum + Number(textContent),
      0,
    );
  }

  /** Draw the lists anew, soon; calls in between are one. */
  refresh() {
    this.#timer ??= setTimeout(() => this.#draw(), GATHERED_MS);
  }

  row(key) {
    return this.#root.querySelector(`.row[data-key="${CSS.escape(key)}"]`);
  }

  /** A message came in or went out: its row shows it. `read`: it is on the screen already. */
  message(key, event, { read }) {
    const row = this.row(key);
    if (!row || row.dataset.state !== "assigned") return this.refresh();
    row.dataset.seq = Math.max(Number(row.dataset.seq), event.seq ?? 0);
    if (event.note) return;
    const fromVisitor = event.author.kind === "visitor";
    const last = row.querySelector('[data-field="last"]');
    // The row of a watched chat names its agent instead.
    if (last) last.textContent = fromVisitor ? event.text : `You: ${event.text}`;
    const wait = row.querySelector('[data-field="wait"]');
    if (!fromVisitor) {
      wait.removeAttribute("data-wait");
      wait.removeAttribute("data-since");
      wait.textContent = "";
      wait.className = "wait";
    } else if (!wait.hasAttribute("data-wait")) {
      wait.dataset.since = event.at;
      wait.setAttribute("data-wait", "");
    }
    if (fromVisitor && !read) this.#count(row, 1);
    tick();
  }

  read(key) {
    const row = this.row(key);
    if (row) this.#count(row, 0);
  }

  open(key) {
    for (const row of this.#root.querySelectorAll(".row")) {
      const isOpen = row.dataset.key === key;
      row.classList.toggle("row--open", isOpen);
      const link = row.querySelector("a");
      if (isOpen) link?.setAttribute("aria-current", "true");
      else link?.removeAttribute("aria-current");
    }
  }

  #count(row, more) {
    const badge = row.querySelector('[data-field="unread"]');
    const number = row.querySelector('[data-field="unread-number"]');
    number.textContent = more ? Number(number.textContent) + more : 0;
    badge.hidden = number.textContent === "0";
  }

  async #draw() {
    this.#timer = null;
    const drawing = ++this.#drawing;
    const open = this.#openKey();
    let response;
    try {
      response = await fetch(`${this.#home}lists/?open=${encodeURIComponent(open)}`);
    } catch {
      return; // Offline: the reconnect draws them.
    }
    if (response.redirected || response.status === 403) return this.#onSignedOut();
    if (!response.ok || drawing !== this.#drawing) return;
    const focused = document.activeElement?.closest?.("#lists .row")?.dataset.key;
    const html = await response.text();
    if (drawing !== this.#drawing) return;
    const drawn = new DOMParser().parseFromString(html, "text/html");
    this.#root.replaceChildren(...drawn.body.childNodes);
    localise(this.#root);
    this.open(this.#openKey());
    tick();
    if (focused) this.row(focused)?.querySelector("a")?.focus({ preventScroll: true });
    this.#onDrawn();
  }
}
