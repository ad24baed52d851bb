/* The form of a closed company: what it takes becomes a lead. */

const FIELDS = ["name", "email", "phone", "notes"];

export class OfflineForm {
  #form;
  #origin;
  #page = {};
  // Made once for each message, so that sending it again after a lost answer makes no second lead.
  #id = crypto.randomUUID();
  #onSent;
  #fetch;

  constructor({ form, origin, onSent, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#form = form;
    this.#origin = origin;
    this.#onSent = onSent;
    this.#fetch = fetch;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  set page(page) {
    this.#page = page;
  }

  async #send() {
    const { elements } = this.#form;
    const button = this.#form.querySelector("button[type=submit]");
    const fields = Object.fromEntries(FIELDS.map((name) => [name, elements[name].value]));
    if (elements.consent_marketing.checked) fields.consent_marketing = true;
    this.#showErrors({});
    button.disabled = true;
    try {
      const answer = await this.#fetch("/widget/offline", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          id: this.#id,
          origin: this.#origin,
          fields,
          page_url: this.#page.url ?? "",
          page_title: this.#page.title ?? "",
        }),
      });
      if (answer.ok) this.#sent();
      else this.#refused(await answer.json());
    } catch {
      this.#showErrors({}, "This could not be sent. Check your connection and try again.");
    } finally {
      button.disabled = false;
    }
  }

  #sent() {
    this.#id = crypto.randomUUID();
    this.#form.reset();
    this.#onSent();
  }

  #refused({ fields, message }) {
    this.#showErrors(fields ?? {}, fields ? "" : message);
    this.#form.querySelector("[aria-invalid=true]")?.focus();
  }

  #showErrors(fields, message = "") {
    for (const name of FIELDS) {
      const error = fields[name] ?? "";
      const control = this.#form.elements[name];
      document.getElementById(`${control.id}-error`).textContent = error;
      if (error) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
    const unknown = Object.entries(fields).filter(([name]) => !FIELDS.includes(name));
    document.getElementById("offline-error").textContent = [
      message,
      ...unknown.map(([, error]) => error),
    ].join(" ").trim();
  }
}
