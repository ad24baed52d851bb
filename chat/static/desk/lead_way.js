/* How far the saved lead has come on its way to the company's CRM: the server draws it, and it is
 * looked at until nothing more happens by itself. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

export class LeadWay {
  #place;
  #shown = "";
  #timer = null;
  #turn = 0;

  /** `place`: the element to draw in; its data-look is what to ask. */
  constructor(place) {
    this.#place = place;
  }

  /** Look now, then again at growing distances. */
  follow() {
    clearTimeout(this.#timer);
    this.#look(FIRST_MS, ++this.#turn);
  }

  async #look(pause, turn) {
    const html = await this.#drawn();
    // Another chat is open by now, or somebody saved again.
    if (!this.#place.isConnected || turn !== this.#turn) return;
    if (html !== null && html !== this.#shown) {
      this.#shown = html;
      const drawn = new DOMParser().parseFromString(html, "text/html");
      this.#place.replaceChildren(...drawn.body.childNodes);
    }
    if (this.#place.querySelector("[data-settled]")) return;
    this.#timer = setTimeout(() => this.#look(Math.min(pause * 2, LONGEST_MS), turn), pause);
  }

  /** What the server draws; null where it cannot be asked now. */
  async #drawn() {
    if (document.hidden) return null;
    try {
      const response = await fetch(this.#place.dataset.look);
      return response.ok && !response.redirected ? await response.text() : null;
    } catch {
      return null;
    }
  }
}
