/* Whether the agent takes chats, since when, and how many they have. */

const DOTS = { available: "ok", away: "warn", missed: "bad", offline: "off" };

export class StatusMenu {
  #menu = document.getElementById("status");

  /** `report`: runs an action and tells the person why it was refused. */
  constructor(connection, report) {
    this.#menu.addEventListener("click", (event) => {
      const choice = event.target.closest("[data-set-status]");
      if (!choice) return;
      this.#menu.open = false;
      this.#menu.querySelector("summary").focus();
      const { setStatus: status, reason = "" } = choice.dataset;
      report(() => connection.send({ type: "status.set", status, reason }));
    });
  }

  get name() {
    return this.#menu.dataset.status;
  }

  openMenu() {
    this.#menu.open = true;
    this.#menu.querySelector("[data-set-status]").focus();
  }

  /** Show what the server says: {status, reason, since, load, capacity}. */
  show(state) {
    this.#draw(state);
    const load = document.getElementById("load");
    load.querySelector('[data-field="load"]').textContent = state.load;
    load.querySelector('[data-field="capacity"]').textContent = state.capacity;
    load.classList.toggle("load--full", state.load >= state.capacity);
  }

  #draw({ status, reason = "", since }) {
    this.#menu.dataset.status = status;
    this.#menu.querySelector('[data-field="dot"]').className = `dot dot--${DOTS[status] ?? "off"}`;
    this.#menu.querySelector('[data-field="label"]').textContent = this.#label(status, reason);
    this.#menu.querySelector(".elapsed").dataset.since = since;
  }

  #label(status, reason) {
    if (status === "missed") return "Away · missed chats";
    const choice = [...this.#menu.querySelectorAll("[data-set-status]")].find(
      ({ dataset }) => dataset.setStatus === status && (dataset.reason ?? "") === reason,
    );
    return choice?.textContent.trim() ?? (reason ? "Away · connection lost" : status);
  }
}
