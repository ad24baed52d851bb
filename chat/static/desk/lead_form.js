/* The lead beside the thread: saved by the revision it was filled from. */

import { Refused } from "../live/connection.js";
import { LeadWay } from "./lead_way.js";

export class LeadForm {
  #form;
  #save;
  #way;

  /** `save`: async ({fields, version}) => the ack. */
  constructor(form, save) {
    this.#form = form;
    this.#save = save;
    this.#way = new LeadWay(this.#field("lead-way"));
    if (this.#version) this.#way.follow();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Somebody saved the lead as `version`, perhaps this very form. */
  changed(version) {
    this.#way.follow();
    if (version > this.#version)
      this.#note("Somebody else saved this lead. Open the chat again to see it.", "warn");
  }

  get #version() {
    return Number(this.#form.dataset.version);
  }

  async #submit() {
    const button = this.#form.querySelector("[type=submit]");
    button.disabled = true;
    this.#errors({});
    this.#note("Saving…");
    try {
      const ack = await this.#save({ fields: this.#fields(), version: this.#version });
      this.#form.dataset.version = ack.version;
      this.#field("lead-state").textContent = "Saved";
      this.#field("lead-state").className = "badge badge--ok";
      this.#note(`Saved as version ${ack.version}.`, "ok");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#errors(error.fields ?? {});
      this.#note(error.message, "bad");
    } finally {
      button.disabled = false;
    }
  }

  #fields() {
    const values = {};
    for (const input of this.#form.elements)
      if (input.name)
        values[input.name] = input.type === "checkbox" ? (input.checked ? "yes" : "") : input.value;
    return values;
  }

  #errors(errors) {
    let first = null;
    for (const box of this.#form.querySelectorAll("[data-lead-field]")) {
      const message = errors[box.dataset.leadField] ?? "";
      const input = box.querySelector("input, select, textarea");
      const line = box.querySelector(".field__error");
      line.textContent = message;
      line.hidden = !message;
      if (message) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", line.id);
        first ??= input;
      } else {
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-describedby");
      }
    }
    first?.focus();
  }

  #note(words, kind = "") {
    const line = this.#field("lead-note");
    line.textContent = words;
    line.className = kind ? `small note--${kind}` : "small muted";
  }

  #field(name) {
    return this.#form.querySelector(`[data-field="${name}"]`);
  }
}
