/* The bridge to the page around the frame. Both ways the other side is named exactly: its window and
 * its origin; whatever else calls is not heard. */

export class Host {
  #origin;
  #onMessage;

  constructor({ origin, onMessage }) {
    this.#origin = origin;
    this.#onMessage = onMessage;
    window.addEventListener("message", (event) => {
      if (event.source !== window.parent || event.origin !== origin) return;
      if (event.data?.switchboard === 1) this.#onMessage(event.data);
    });
  }

  tell(type, value) {
    window.parent.postMessage({ switchboard: 1, type, value }, this.#origin);
  }
}
