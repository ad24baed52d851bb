/* The desk: joins the live connection, the lists, the open conversation and the agent's status. */

import { Connection, Refused } from "../live/connection.js";
import { acknowledge, compose, discard, emptyThread, fail, receive, retry } from "../live/store.js";
import { toast } from "../ui/page.js";
import { Alerts, keep, setting } from "./alerts.js";
import { localise, tick } from "./clock.js";
import { Composer } from "./composer.js";
import { Drafts } from "./drafts.js";
import { LeadForm } from "./lead_form.js";
import { Lists } from "./lists.js";
import { command, neighbour } from "./shortcuts.js";
import { StatusMenu } from "./status.js";
import { ThreadView } from "./thread_view.js";

// The queue has no events of its own: it is looked at now and then.
const LOOK_EVERY_MS = 20_000;
const BACK_ONLINE_MS = 4_000;

const desk = document.getElementById("desk");
const home = desk.dataset.home;
const me = { kind: "agent", id: desk.dataset.you, name: desk.dataset.name };
const threads = new Map();
const drafts = new Drafts(storage());
const alerts = new Alerts();
let opened = null;
let loading = 0;

const lists = new Lists({
  home,
  openKey: () => opened?.key ?? "",
  onDrawn: () => {
    for (const [key, seq] of lists.seqs) hold(key, seq);
    // That it was read may still be on its way to the server.
    if (opened?.mayWrite && !document.hidden) lists.read(opened.key);
    count();
  },
  onSignedOut: signedOut,
});
const connection = new Connection({
  url: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${desk.dataset.socket}`,
  hello: async ({ renew }) => {
    if (renew) throw new Refused({ code: "unauthenticated", message: "Signed out." });
    const own = [...threads].filter(([key]) =>
      key === opened?.key ? opened.mayWrite : lists.seqs.has(key),
    );
    return {
      type: "hello",
      resume: Object.fromEntries(own.map(([key, thread]) => [key, thread.last])),
    };
  },
  onFrame: (frame) => handlers[frame.type]?.(frame),
  onState: showConnection,
});
const status = document.getElementById("status") ? new StatusMenu(connection, report) : null;

const handlers = {
  welcome({ status: now, conversations }) {
    if (now) status?.show(now);
    for (const { conversation, last_seq: last } of conversations)
      if (!threads.has(conversation)) hold(conversation, last);
    for (const { conversation, visitor_seen: seen } of conversations)
      if (conversation === opened?.key) opened.view.read(seen);
    if (opened && !opened.mayWrite) resume(opened.key);
    lists.refresh();
  },
  pong({ conversations }) {
    for (const [key, last] of Object.entries(conversations))
      if (last > (threads.get(key)?.last ?? last)) resume(key);
  },
  message: takeIn,
  "lead.changed": takeIn,
  "conversation.changed": takeIn,
  "conversation.opened"({ conversation: { conversation } }) {
    if (!threads.has(conversation)) hold(conversation, 0);
    lists.refresh();
  },
  offer({ company }) {
    lists.refresh();
    say("urgent", `New chat for ${company.name}. Press Alt+A to accept.`);
    alerts.ring(1, { company: company.name });
  },
  "offer.withdrawn"({ offer }) {
    lists.offers.find((card) => card.dataset.offer === offer)?.remove();
    lists.refresh();
  },
  status({ status: now }) {
    const before = status?.name;
    status?.show(now);
    // What the empty pane advises depends on it.
    if (!opened && now.status !== before) open("", { push: false });
    lists.refresh();
  },
  typing({ conversation, by, on }) {
    if (by === "visitor" && conversation === opened?.key) opened.view.typing(on, opened.name);
  },
  seen({ conversation, by, seq }) {
    if (by === "visitor" && conversation === opened?.key) opened.view.read(seq);
  },
  presence({ conversation, online }) {
    if (conversation === opened?.key) opened.view.presence(online);
  },
};

/* Threads ------------------------------------------------------------------------------------- */

function hold(key, last) {
  if (!threads.has(key)) threads.set(key, { ...emptyThread(), last });
}

function resume(key) {
  connection.tell({ type: "resume", conversation: key, after: threads.get(key)?.last ?? 0 });
}

function takeIn(event) {
  const key = event.conversation;
  hold(key, 0);
  const before = threads.get(key);
  const after = receive(before, event);
  if (after === before) return;
  threads.set(key, after);
  if (after.gap) return resume(key);
  show(key, event);
}

function show(key, event) {
  const isOpen = key === opened?.key;
  if (isOpen) opened.view.add(event);
  if (event.type === "message") {
    const onScreen = isOpen && !document.hidden;
    lists.message(key, event, { read: onScreen });
    if (event.author.kind === "visitor" && lists.row(key)) {
      if (!onScreen) alerts.message(key, words(key));
      if (!isOpen) say("said", `New message from ${words(key).name}`);
    }
  } else {
    lists.refresh();
    if (isOpen && event.change === "closed") opened.view.closed();
    if (isOpen && event.type === "lead.changed") opened.lead?.changed(event.version);
  }
  if (isOpen) sawAll();
  count();
}

function words(key) {
  const row = lists.row(key);
  return {
    name: row?.querySelector('[data-field="name"]').textContent ?? "A visitor",
    company: row?.querySelector(".row__company").textContent ?? "",
  };
}

function sawAll() {
  if (!opened?.mayWrite || document.hidden) return;
  const { last } = threads.get(opened.key);
  if (last > opened.seen) connection.tell({ type: "seen", conversation: opened.key, seq: last });
  opened.seen = last;
  lists.read(opened.key);
  count();
}

/* Own messages -------------------------------------------------------------------------------- */

function send(key, { text, note }) {
  const message = { id: crypto.randomUUID(), text, note, at: new Date().toISOString() };
  threads.set(key, compose(threads.get(key), message));
  if (key === opened?.key) opened.view.addPending({ ...message, state: "sending" }, me);
  deliver(key, message);
}

async function deliver(key, { id, text, note }) {
  try {
    const ack = await connection.send({ type: "message.send", id, conversation: key, text, note });
    const after = acknowledge(threads.get(key), id, ack.seq, me, ack.at);
    threads.set(key, after);
    if (after.gap) return resume(key);
    if (key === opened?.key) opened.view.settle(id, ack);
    lists.message(key, { author: me, text, note, seq: ack.seq }, { read: true });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    threads.set(key, fail(threads.get(key), id, error.message));
    if (key === opened?.key) opened.view.showPending({ id, state: "failed", error: error.message });
    say("urgent", "Your message was not sent.");
  }
}

function sendAgain(key, id) {
  const message = threads.get(key).pending.find((candidate) => candidate.id === id);
  if (!message) return;
  threads.set(key, retry(threads.get(key), id));
  opened.view.showPending({ id, state: "sending" });
  deliver(key, message);
}

/* The open conversation ----------------------------------------------------------------------- */

function bind() {
  const root = document.getElementById("open");
  const pane = root.querySelector(".thread-pane");
  localise(root);
  if (!pane) {
    opened = null;
    return;
  }
  const { key } = pane.dataset;
  const mayWrite = !("readOnly" in pane.dataset);
  const held = threads.get(key) ?? emptyThread();
  const drawn = [...pane.querySelectorAll("[data-id]")].map((bubble) => bubble.dataset.id);
  const last = Number(pane.dataset.last);
  let thread = {
    ...emptyThread(),
    last,
    pending: held.pending.filter((message) => !drawn.includes(message.id)),
  };
  const view = new ThreadView(pane, {
    onRetry: (id) => sendAgain(key, id),
    onDiscard: (id) => threads.set(key, discard(threads.get(key), id)),
  });
  opened = { key, mayWrite, view, seen: 0, name: pane.querySelector("h1").textContent };
  // What came while the server was drawing.
  for (const event of held.events.filter(({ seq }) => seq > last)) {
    thread = receive(thread, event);
    view.add(event);
  }
  threads.set(key, thread);
  if (held.last > thread.last || !mayWrite) resume(key);
  for (const message of thread.pending) {
    view.addPending(message, me);
    view.showPending(message);
  }
  bindForms(root, key);
  sawAll();
}

function bindForms(root, key) {
  const form = root.querySelector("#composer");
  if (form)
    opened.composer = new Composer(form, {
      replies: JSON.parse(document.getElementById("replies").textContent),
      draft: drafts.read(key),
      on: {
        send: (message) => send(key, message),
        draft: (draft) => drafts.write(key, draft),
        typing: (on) => connection.tell({ type: "typing", conversation: key, on }),
      },
    });
  const lead = root.querySelector("#lead");
  if (lead)
    opened.lead = new LeadForm(lead, ({ fields, version }) =>
      connection.send({ type: "lead.save", conversation: key, fields, version }),
    );
}

/** Open a conversation in place; the address, Back and reload stay true. */
async function open(key, { push = true, focus = false } = {}) {
  const path = key ? `${home}c/${key}/` : home;
  const turn = ++loading;
  const root = document.getElementById("open");
  root.setAttribute("aria-busy", "true");
  let response;
  try {
    response = await fetch(key ? `${path}part/` : path);
  } catch {
    root.removeAttribute("aria-busy");
    return toast("No connection. Try again when you are back online.", "bad");
  }
  if (response.redirected || response.status === 403) return signedOut();
  if (!response.ok) {
    root.removeAttribute("aria-busy");
    lists.refresh();
    return toast("This chat is not with you any more.", "bad");
  }
  const drawn = new DOMParser().parseFromString(await response.text(), "text/html");
  if (turn !== loading) return;
  root.replaceChildren(...(key ? drawn.body : drawn.getElementById("open")).childNodes);
  root.removeAttribute("aria-busy");
  if (push) history.pushState(null, "", path);
  desk.dataset.pane = key ? "thread" : "list";
  delete desk.dataset.showsContext;
  bind();
  lists.open(key);
  count();
  tick();
  if (focus) (opened?.composer ?? document.getElementById("main")).focus();
}

addEventListener("popstate", () => {
  const match = /\/c\/([^/]+\/[^/]+)\/$/.exec(location.pathname);
  open(match ? match[1] : "", { push: false });
});

/* Offers, closing, status --------------------------------------------------------------------- */

async function accept(card) {
  if (!card) return;
  for (const button of card.querySelectorAll("button")) button.disabled = true;
  await report(async () => {
    const ack = await connection.send({ type: "offer.accept", offer: card.dataset.offer });
    hold(ack.conversation, 0);
    await open(ack.conversation, { focus: true });
  });
  lists.refresh();
}

async function decline(card) {
  for (const button of card.querySelectorAll("button")) button.disabled = true;
  await report(() => connection.send({ type: "offer.decline", offer: card.dataset.offer }));
  lists.refresh();
}

document.getElementById("close-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const error = form.querySelector("#close-error");
  error.hidden = true;
  try {
    await connection.send({
      type: "conversation.close",
      conversation: opened.key,
      disposition: form.elements.disposition.value,
    });
    form.closest("dialog").close();
    form.reset();
    drafts.drop(opened.key);
    lists.refresh();
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    error.textContent = refused.message;
    error.hidden = false;
  }
});

async function report(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
  }
}

/* What the person does ------------------------------------------------------------------------ */

const commands = {
  accept: () => accept(lists.offers[0]),
  next: () => step(1),
  previous: () => step(-1),
  reply: () => opened?.composer?.choose(false, true),
  note: () => opened?.composer?.choose(true, true),
  end: () => document.querySelector("[data-needs-open]:not([hidden])")?.click(),
  context: () => toggleContext(),
  status: () => status?.openMenu(),
  help: () => document.getElementById("help-dialog").showModal(),
};

function step(by) {
  const key = neighbour(lists.keys, opened?.key ?? "", by);
  if (key) open(key, { focus: true });
}

function toggleContext(show = !("showsContext" in desk.dataset)) {
  if (show) desk.dataset.showsContext = "";
  else delete desk.dataset.showsContext;
  document.querySelector("[data-context]")?.setAttribute("aria-expanded", String(show));
  if (show) document.querySelector("[data-context-close]")?.focus();
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea, select");
  const on = setting("shortcuts") !== "off";
  const wanted = document.querySelector("dialog[open]") ? "" : command(event, { isTyping, on });
  if (wanted) {
    event.preventDefault();
    commands[wanted]();
  } else if (event.key === "Escape" && "showsContext" in desk.dataset) {
    toggleContext(false);
    document.querySelector("[data-context]")?.focus();
  }
});

desk.addEventListener("click", (event) => {
  const link = event.target.closest(".row a, [data-back]");
  if (link && !(event.ctrlKey || event.metaKey || event.shiftKey || event.button)) {
    event.preventDefault();
    const key = link.closest(".row")?.dataset.key ?? "";
    // A press of Enter opens to write; a click leaves the pointer's hand where it is.
    open(key, { focus: event.detail === 0 });
  }
  const card = event.target.closest(".offer");
  if (event.target.closest("[data-accept]")) accept(card);
  if (event.target.closest("[data-decline]")) decline(card);
  if (event.target.closest("[data-context]")) toggleContext();
  if (event.target.closest("[data-context-close]")) toggleContext(false);
});

document.addEventListener("submit", (event) => {
  // Who signs out leaves nothing behind in the tab.
  if (event.target.action?.endsWith("/logout/")) drafts.clear();
});

const shortcutsOn = document.getElementById("shortcuts-on");
shortcutsOn.checked = setting("shortcuts") !== "off";
shortcutsOn.addEventListener("change", () =>
  keep("shortcuts", shortcutsOn.checked ? "on" : "off"),
);

/* What the person is told --------------------------------------------------------------------- */

function say(id, words) {
  document.getElementById(id).textContent = words;
}

function count() {
  const ringing = lists.offers.length;
  alerts.ring(ringing);
  alerts.title({ ringing, unread: lists.unread, name: opened?.name });
}

function showConnection(state) {
  const bar = document.getElementById("alert");
  const dot = document.getElementById("connection");
  const [kind, words] = {
    online: ["ok", "connected"],
    connecting: ["warn", "connecting"],
    reconnecting: ["bad", "lost"],
    refused: ["bad", "signed out"],
    closed: ["off", "closed"],
  }[state];
  dot.title = `Connection: ${words}`;
  dot.firstElementChild.className = `dot dot--${kind}`;
  dot.lastElementChild.textContent = `Connection: ${words}`;
  if (state === "reconnecting") {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button button--small";
    again.textContent = "Try now";
    again.addEventListener("click", () => window.dispatchEvent(new Event("online")));
    bar.className = "desk__alert desk__alert--warn";
    bar.replaceChildren(
      "Connection lost. Reconnecting… You can go on writing: what you send is kept and goes out by itself.",
      again,
    );
  } else if (state === "online" && bar.childNodes.length) {
    bar.className = "desk__alert desk__alert--ok";
    bar.replaceChildren("Back online. Everything is up to date.");
    setTimeout(() => connection.state === "online" && bar.replaceChildren(), BACK_ONLINE_MS);
  } else if (state === "refused") {
    signedOut();
  }
}

function signedOut() {
  connection.close();
  const dialog = document.getElementById("session-dialog");
  const link = dialog.querySelector("[data-sign-in]");
  link.href = `${link.pathname}?next=${encodeURIComponent(location.pathname)}`;
  if (!dialog.open) dialog.showModal();
}

function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/* Begin --------------------------------------------------------------------------------------- */

localise(document);
for (const [key, seq] of lists.seqs) hold(key, seq);
bind();
count();
tick();
setInterval(tick, 1000);
setInterval(() => document.hidden || lists.refresh(), LOOK_EVERY_MS);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  lists.refresh();
  sawAll();
});
connection.open();
