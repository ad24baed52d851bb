/* The composer of the open conversation: reply or note, canned replies, draft, typing. */

import { inserted, matching, slashAt } from "./replies.js";

const TYPING_EVERY_MS = 3_000;

export class Composer {
  #form;
  #text;
  #picker;
  #replies;
  #found = [];
  #chosen = 0;
  #slash = null;
  #typingSent = 0;
  #isTyping = false;
  #on;
  note = false;

  /** `on`: {send({text, note}), typing(isOn), draft({text, note})}; `draft`: what stood there. */
  constructor(form, { replies, draft, on }) {
    this.#form = form;
    this.#text = form.elements.text;
    this.#picker = form.querySelector("#picker");
    this.#replies = replies;
    this.#on = on;
    this.#text.value = draft.text;
    this.choose(draft.note);
    this.#fit();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("blur", () => this.#closePicker());
    this.#picker.addEventListener("mousedown", (event) => {
      const option = event.target.closest("[role=option]");
      if (!option) return;
      event.preventDefault();
      this.#insert(Number(option.dataset.at));
    });
    const [reply, note] = this.#tabs();
    reply.addEventListener("click", () => this.choose(false, true));
    note.addEventListener("click", () => this.choose(true, true));
    for (const tab of [reply, note])
      tab.addEventListener("keydown", (event) => {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        this.choose(!this.note);
        this.#tabs()[this.note ? 1 : 0].focus();
      });
  }

  focus() {
    this.#text.focus();
  }

  /** Write a note for the desk, or a reply to the visitor. */
  choose(note, focus = false) {
    this.note = note;
    const as = this.#form.querySelector('[data-field="as"]');
    as.dataset.reply ??= as.textContent;
    this.#form.classList.toggle("composer--note", note);
    this.#tabs().forEach((tab, at) => {
      const selected = Boolean(at) === note;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      if (selected) this.#form.querySelector("#composer-panel").setAttribute("aria-labelledby", tab.id);
    });
    this.#text.dataset.placeholder ??= this.#text.placeholder;
    this.#text.placeholder = note ? "Write a note for your team…" : this.#text.dataset.placeholder;
    as.textContent = note ? "Not sent to the visitor" : as.dataset.reply;
    this.#form.querySelector('[data-field="send"]').textContent = note ? "Add note" : "Send";
    if (note) this.#tellTyping(false);
    this.#on.draft({ text: this.#text.value, note });
    if (focus) this.focus();
  }

  #tabs() {
    return [this.#form.querySelector("#tab-reply"), this.#form.querySelector("#tab-note")];
  }

  #send() {
    const text = this.#text.value.trim();
    if (!text) return this.focus();
    this.#text.value = "";
    this.#tellTyping(false);
    this.#closePicker();
    this.#fit();
    this.#on.send({ text, note: this.note });
    this.#on.draft({ text: "", note: this.note });
    this.focus();
  }

  #changed() {
    this.#fit();
    this.#on.draft({ text: this.#text.value, note: this.note });
    if (!this.note) this.#tellTyping(Boolean(this.#text.value.trim()));
    this.#slash = slashAt(this.#text.value, this.#text.selectionStart);
    if (this.#slash) this.#showPicker(matching(this.#replies, this.#slash.query));
    else this.#closePicker();
  }

  #key(event) {
    if (event.isComposing) return;
    if (!this.#picker.hidden && this.#pickerKey(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#send();
  }

  #pickerKey(key) {
    const last = this.#found.length - 1;
    if (key === "ArrowDown") this.#mark(this.#chosen === last ? 0 : this.#chosen + 1);
    else if (key === "ArrowUp") this.#mark(this.#chosen === 0 ? last : this.#chosen - 1);
    else if (key === "Enter" || key === "Tab") this.#insert(this.#chosen);
    else if (key === "Escape") this.#closePicker();
    else return false;
    return true;
  }

  #showPicker(found) {
    this.#found = found;
    if (!found.length) return this.#closePicker();
    this.#picker.replaceChildren(...found.map(option));
    this.#picker.hidden = false;
    this.#text.setAttribute("aria-expanded", "true");
    this.#mark(0);
  }

  #mark(at) {
    this.#chosen = at;
    [...this.#picker.children].forEach((item, index) => {
      item.setAttribute("aria-selected", String(index === at));
      if (index !== at) return;
      this.#text.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    });
  }

  #insert(at) {
    const text = this.#text;
    const made = inserted(text.value, text.selectionStart, this.#slash.start, this.#found[at].body);
    text.value = made.text;
    text.setSelectionRange(made.caret, made.caret);
    this.#closePicker();
    this.#changed();
  }

  #closePicker() {
    this.#picker.hidden = true;
    this.#text.setAttribute("aria-expanded", "false");
    this.#text.removeAttribute("aria-activedescendant");
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #tellTyping(on) {
    const now = Date.now();
    if (on === this.#isTyping && (!on || now - this.#typingSent < TYPING_EVERY_MS)) return;
    this.#isTyping = on;
    this.#typingSent = now;
    this.#on.typing(on);
  }
}

function option({ shortcut, title, body }, at) {
  const item = document.createElement("li");
  item.id = `reply-${at}`;
  item.dataset.at = at;
  item.setAttribute("role", "option");
  for (const [className, words] of [
    ["picker__shortcut", `/${shortcut}`],
    ["picker__title", title],
    ["picker__body", body],
  ]) {
    const part = document.createElement("span");
    part.className = className;
    part.textContent = words;
    item.append(part);
  }
  return item;
}
