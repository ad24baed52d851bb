/* What the page says to the person: to a screen reader, above the lists, in a dialog. */

const BACK_ONLINE_MS = 4_000;
const STATES = {
  online: ["ok", "connected"],
  connecting: ["warn", "connecting"],
  reconnecting: ["bad", "lost"],
  refused: ["bad", "signed out"],
  closed: ["off", "closed"],
};

/** `id`: "said" for what may wait, "urgent" for what may not. */
export function say(id, words) {
  document.getElementById(id).textContent = words;
}

/** How the connection stands, a state of live/connection.js. */
export function showConnection(state) {
  const bar = document.getElementById("alert");
  const dot = document.getElementById("connection");
  const [kind, words] = STATES[state];
  dot.title = `Connection: ${words}`;
  dot.dataset.state = state;
  dot.firstElementChild.className = `dot dot--${kind}`;
  dot.lastElementChild.textContent = `Connection: ${words}`;
  if (state === "reconnecting") {
    bar.className = "desk__alert desk__alert--warn";
    bar.replaceChildren(
      "Connection lost. Reconnecting… You can go on writing: what you send is kept and goes out by itself.",
      tryNow(),
    );
  } else if (state === "online" && bar.childNodes.length) {
    bar.className = "desk__alert desk__alert--ok";
    bar.replaceChildren("Back online. Everything is up to date.");
    setTimeout(() => dot.dataset.state === "online" && bar.replaceChildren(), BACK_ONLINE_MS);
  }
}

export function askToSignIn() {
  const dialog = document.getElementById("session-dialog");
  const link = dialog.querySelector("[data-sign-in]");
  link.href = `${link.pathname}?next=${encodeURIComponent(location.pathname)}`;
  if (!dialog.open) dialog.showModal();
}

function tryNow() {
  const again = document.createElement("button");
  again.type = "button";
  again.className = "button button--small";
  again.textContent = "Try now";
  again.addEventListener("click", () => window.dispatchEvent(new Event("online")));
  return again;
}
