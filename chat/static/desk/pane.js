/* The open conversation: fetched as the server draws it, and kept true from then on. */

import { toast } from "../ui/page.js";
import { localise, tick } from "./clock.js";
import { Composer } from "./composer.js";
import { LeadForm } from "./lead_form.js";
import { ThreadView } from "./thread_view.js";

export class Pane {
  #root = document.getElementById("open");
  #desk = document.getElementById("desk");
  #home;
  #me;
  #connection;
  #threads;
  #drafts;
  #on;
  #loading = 0;
  #seen = 0;

  /** The key of the open conversation, "" where none is. */
  key = "";
  name = "";
  /** Whether it is the agent's own, rather than one that is watched. */
  isOwn = false;
  view = null;
  composer = null;
  lead = null;

  /** `on`: opened(key), read(key), gone(key) and signedOut(). */
  constructor({ home, me, connection, threads, drafts, on }) {
    this.#home = home;
    this.#me = me;
    this.#connection = connection;
    this.#threads = threads;
    this.#drafts = drafts;
    this.#on = on;
  }

  /** The visitor has another name now; what they said before keeps the one it was said under. */
  rename(name) {
    if (name === this.name) return;
    this.name = name;
    for (const place of this.#root.querySelectorAll('[data-field="visitor"]')) place.textContent = name;
  }

  /** Take over what the server drew. */
  bind() {
    const pane = this.#root.querySelector(".thread-pane");
    localise(this.#root);
    Object.assign(this, { key: "", name: "", isOwn: false, view: null, composer: null, lead: null });
    if (!pane) return;
    const { key } = pane.dataset;
    this.key = key;
    this.isOwn = !("readOnly" in pane.dataset);
    this.name = pane.querySelector("h1").textContent;
    this.view = new ThreadView(pane, {
      onRetry: (id) => {
        if (this.#threads.sendAgain(key, id)) this.view.showPending({ id, state: "sending" });
      },
      onDiscard: (id) => this.#threads.discard(key, id),
    });
    this.#seen = 0;
    this.#catchUp(pane);
    this.#bindForms(key);
    this.saw();
  }

  /** Open a conversation in place, or none; the address, Back and reload stay true. */
  async open(key, { push = true, focus = false } = {}) {
    const path = key ? `${this.#home}c/${key}/` : this.#home;
    const turn = ++this.#loading;
    this.#root.setAttribute("aria-busy", "true");
    let response;
    let html = null;
    try {
      response = await fetch(key ? `${path}part/` : path);
      html = await response.text();
    } catch {}
    // Another one was asked for meanwhile: the page is no longer this one's to change.
    if (turn !== this.#loading) return;
    if (html === null) {
      this.#root.removeAttribute("aria-busy");
      return toast("No connection. Try again when you are back online.", "bad");
    }
    if (response.redirected || response.status === 403) return this.#on.signedOut();
    if (!response.ok) {
      this.#root.removeAttribute("aria-busy");
      this.#on.gone(key);
      return toast("This chat is not with you any more.", "bad");
    }
    const drawn = new DOMParser().parseFromString(html, "text/html");
    this.#root.replaceChildren(...(key ? drawn.body : drawn.getElementById("open")).childNodes);
    this.#root.removeAttribute("aria-busy");
    if (push) history.pushState(null, "", path);
    this.#desk.dataset.pane = key ? "thread" : "list";
    delete this.#desk.dataset.showsContext;
    this.bind();
    this.#on.opened(key);
    tick();
    if (focus) (this.composer ?? document.getElementById("main")).focus();
  }

  /** Take the open conversation off the page at once, and show that none is open. */
  leave() {
    this.#root.replaceChildren();
    this.bind();
    return this.open("");
  }

  /** Everything that came is on the agent's screen. */
  saw() {
    if (!this.isOwn || document.hidden) return;
    const last = this.#threads.last(this.key);
    if (last > this.#seen)
      this.#connection.tell({ type: "seen", conversation: this.key, seq: last });
    this.#seen = last;
    this.#on.read(this.key);
  }

  /** What came while the server was drawing, and what is still on its way. */
  #catchUp(pane) {
    const ids = [...pane.querySelectorAll("[data-id]")].map((bubble) => bubble.dataset.id);
    const { later, pending, isBehind } = this.#threads.drawn(
      this.key,
      Number(pane.dataset.last),
      ids,
    );
    for (const event of later) this.view.add(event);
    if (isBehind || !this.isOwn) this.#threads.resume(this.key);
    for (const message of pending) {
      this.view.addPending(message, this.#me);
      this.view.showPending(message);
    }
  }

  #bindForms(key) {
    const form = this.#root.querySelector("#composer");
    if (form)
      this.composer = new Composer(form, {
        replies: JSON.parse(document.getElementById("replies").textContent),
        draft: this.#drafts.read(key),
        on: {
          send: (message) => this.#threads.send(key, message),
          draft: (draft) => this.#drafts.write(key, draft),
          typing: (on) => this.#connection.tell({ type: "typing", conversation: key, on }),
        },
      });
    const lead = this.#root.querySelector("#lead");
    if (lead)
      this.lead = new LeadForm(lead, ({ fields, version }) =>
        this.#connection.send({ type: "lead.save", conversation: key, fields, version }),
      );
  }
}
