import { Host } from "./host.js";
import { OfflineForm } from "./offline.js";
import { Panel } from "./panel.js";
import { preview } from "./preview.js";
import { Session } from "./session.js";
import { ThreadView } from "./thread_view.js";

const config = JSON.parse(document.getElementById("config").textContent);
const panel = new Panel();
const { parts } = panel;
let isShown = false;
let state = null;

const session = new Session({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/visitor/`,
  origin: config.origin,
  onChange: show,
});
state = session.state;

const thread = new ThreadView({
  log: parts.log,
  scroll: parts.scroll,
  newer: parts.newer,
  onRetry: (id) => session.again(id),
  onDiscard: (id) => session.discard(id),
});

const offline = new OfflineForm({
  form: parts.offline,
  origin: config.origin,
  onSent() {
    panel.left(true, config.opening);
    draw();
    parts.sent.focus();
  },
});

function show(next) {
  const unread = state?.unread ?? 0;
  state = next;
  draw();
  if (next.unread !== unread) host.tell("unread", next.unread);
}

function draw() {
  panel.show(state, config);
  thread.show(state.thread);
}

const host = new Host({
  origin: config.origin,
  onMessage(message) {
    if (message.type === "shown") shown(true);
    else if (message.type === "hidden") shown(false);
    else if (message.type === "page") page(message);
    else if (config.preview && message.type === "preview") preview({ message, config, panel, draw: drawPreview });
  },
});

function drawPreview(next) {
  state = { ...state, ...next };
  draw();
}

function page({ url, title, referrer }) {
  const here = {
    url: String(url).slice(0, 2000),
    title: String(title).slice(0, 300),
    referrer: String(referrer).slice(0, 2000),
  };
  offline.page = here;
  session.page(here);
}

function shown(value) {
  isShown = value;
  if (value && !config.preview) session.open();
  session.show(isShown && document.visibilityState === "visible");
  if (value) {
    // A closed company's form is read from its beginning.
    if (!parts.log.hidden) thread.toEnd();
    focusInput();
  }
}

function focusInput() {
  // On a phone the keyboard would cover the greeting before anybody asked for it.
  if (matchMedia("(pointer: coarse)").matches || parts.composer.hidden) return;
  if (document.hasFocus()) parts.text.focus({ preventScroll: true });
}

function send() {
  const text = parts.text.value.trim();
  if (!text || config.preview) return;
  const who = { name: parts["who-name"].value.trim(), email: parts["who-email"].value.trim() };
  const fields = Object.fromEntries(Object.entries(who).filter(([, value]) => value));
  parts.text.value = "";
  session.say(text, fields);
}

parts.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
  parts.text.focus();
});
parts.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
parts.text.addEventListener("input", () => parts.text.value && session.typing());
parts.close.addEventListener("click", () => host.tell("close"));
parts.end.addEventListener("click", () => parts.ask.showModal());
parts.ask.addEventListener("close", () => {
  if (parts.ask.returnValue === "end") session.end();
  parts.ask.returnValue = "";
});
parts.again.addEventListener("click", () => {
  session.restart();
  parts.text.focus();
});
parts.another.addEventListener("click", () => {
  panel.left(false, config.opening);
  draw();
  parts.offline.elements.name.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !parts.ask.open) host.tell("close");
});
document.addEventListener("visibilitychange", () => {
  session.show(isShown && document.visibilityState === "visible");
});

/* Opening and closing time may pass while the chat is open. */
let turn = 0;
function watchOpening() {
  clearTimeout(turn);
  const next = config.opening.open ? config.opening.closes_at : config.opening.opens_at;
  const wait = next ? new Date(next) - Date.now() : Infinity;
  if (config.preview || wait > 86_400_000) return;
  turn = setTimeout(refreshOpening, Math.max(wait, 0) + 1_000);
}
async function refreshOpening() {
  try {
    config.opening = await (await fetch("/widget/state")).json();
    draw();
    watchOpening();
  } catch {
    turn = setTimeout(refreshOpening, 60_000);
  }
}

panel.dress(config);
draw();
watchOpening();
host.tell("ready");
