/* The desk: joins the live connection, the lists, the open conversation and the agent's status. */

import { Connection, Refused } from "../live/connection.js";
import { toast } from "../ui/page.js";
import { Alerts, keep, setting } from "./alerts.js";
import { localise, tick } from "./clock.js";
import { Drafts } from "./drafts.js";
import { Lists } from "./lists.js";
import { askToSignIn, say, showConnection } from "./notices.js";
import { Pane } from "./pane.js";
import { command, neighbour } from "./shortcuts.js";
import { StatusMenu } from "./status.js";
import { Threads } from "./threads.js";

// The queue has no events of its own: it is looked at now and then.
const LOOK_EVERY_MS = 20_000;

const desk = document.getElementById("desk");
const home = desk.dataset.home;
const me = { kind: "agent", id: desk.dataset.you, name: desk.dataset.name };
const drafts = new Drafts(storage());
const alerts = new Alerts();

const connection = new Connection({
  url: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${desk.dataset.socket}`,
  hello: async ({ renew }) => {
    if (renew) throw new Refused({ code: "unauthenticated", message: "Signed out." });
    const own = threads.lasts.filter(([key]) =>
      key === pane.key ? pane.isOwn : lists.seqs.has(key),
    );
    return { type: "hello", resume: Object.fromEntries(own) };
  },
  onFrame: (frame) => handlers[frame.type]?.(frame),
  onState: (state) => {
    showConnection(state);
    if (state === "refused") signedOut();
  },
});
const threads = new Threads({
  connection,
  me,
  on: {
    event: show,
    sending: (key, message) => {
      if (key === pane.key) pane.view.addPending({ ...message, state: "sending" }, me);
    },
    stored: (key, { id, text, note }, ack) => {
      if (key === pane.key) pane.view.settle(id, ack);
      lists.message(key, { author: me, text, note, seq: ack.seq }, { read: true });
    },
    failed: (key, message) => {
      if (key === pane.key) pane.view.showPending(message);
      say("urgent", "Your message was not sent.");
    },
  },
});
const lists = new Lists({
  home,
  openKey: () => pane.key,
  onDrawn: () => {
    for (const [key, seq] of lists.seqs) threads.hold(key, seq);
    // That it was read may still be on its way to the server.
    if (pane.isOwn && !document.hidden) lists.read(pane.key);
    if (pane.isOwn && lists.row(pane.key)) pane.rename(words(pane.key).name);
    count();
  },
  onSignedOut: signedOut,
});
const pane = new Pane({
  home,
  me,
  connection,
  threads,
  drafts,
  on: {
    opened: (key) => {
      lists.open(key);
      count();
    },
    read: (key) => {
      lists.read(key);
      count();
    },
    gone: () => lists.refresh(),
    signedOut,
  },
});
const status = document.getElementById("status") ? new StatusMenu(connection, report) : null;

const takeIn = (event) => threads.takeIn(event);
const handlers = {
  welcome({ status: now, conversations }) {
    if (now) status?.show(now);
    for (const { conversation, last_seq: last } of conversations) threads.hold(conversation, last);
    for (const { conversation, visitor_seen: seen } of conversations)
      if (conversation === pane.key) pane.view.read(seen);
    if (pane.key && !pane.isOwn) threads.resume(pane.key);
    lists.refresh();
  },
  pong({ conversations }) {
    for (const [key, last] of Object.entries(conversations))
      if (last > (threads.last(key) ?? last)) threads.resume(key);
  },
  message: takeIn,
  "lead.changed": takeIn,
  "conversation.changed": takeIn,
  "conversation.opened"({ conversation: { conversation } }) {
    threads.hold(conversation, 0);
    lists.refresh();
  },
  "conversation.gone"({ conversation }) {
    threads.forget(conversation);
    drafts.drop(conversation);
    lists.row(conversation)?.remove();
    lists.refresh();
    if (conversation !== pane.key) return;
    pane.leave();
    toast("This chat is not with you any more.", "bad");
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
    if (!pane.key && now.status !== before) pane.open("", { push: false });
    lists.refresh();
  },
  typing({ conversation, by, on }) {
    if (by === "visitor" && conversation === pane.key) pane.view.typing(on, pane.name);
  },
  seen({ conversation, by, seq }) {
    if (by === "visitor" && conversation === pane.key) pane.view.read(seq);
  },
  presence({ conversation, online }) {
    if (conversation === pane.key) pane.view.presence(online);
  },
};

/** A new event, in its turn. */
function show(key, event) {
  const isOpen = key === pane.key;
  if (isOpen) pane.view.add(event);
  if (event.type === "message") {
    const onScreen = isOpen && !document.hidden;
    lists.message(key, event, { read: onScreen });
    if (event.author.kind === "visitor" && lists.row(key)) {
      if (!onScreen) alerts.message(key, words(key));
      if (!isOpen) say("said", `New message from ${words(key).name}`);
    }
  } else {
    lists.refresh();
    if (isOpen && event.change === "closed") pane.view.closed();
    if (isOpen && event.type === "lead.changed") pane.lead?.changed(event.version);
  }
  if (isOpen) pane.saw();
  count();
}

function words(key) {
  const row = lists.row(key);
  return {
    name: row?.querySelector('[data-field="name"]').textContent ?? "A visitor",
    company: row?.querySelector(".row__company").textContent ?? "",
  };
}

function count() {
  const ringing = lists.offers.length;
  alerts.ring(ringing);
  alerts.title({ ringing, unread: lists.unread, name: pane.name });
}

function signedOut() {
  connection.close();
  askToSignIn();
}

function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/* Offers, closing, status --------------------------------------------------------------------- */

async function accept(card) {
  if (!card) return;
  for (const button of card.querySelectorAll("button")) button.disabled = true;
  await report(async () => {
    const ack = await connection.send({ type: "offer.accept", offer: card.dataset.offer });
    threads.hold(ack.conversation, 0);
    await pane.open(ack.conversation, { focus: true });
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
  const { key } = pane;
  const error = form.querySelector("#close-error");
  error.hidden = true;
  try {
    await connection.send({
      type: "conversation.close",
      conversation: key,
      disposition: form.elements.disposition.value,
    });
    form.closest("dialog").close();
    form.reset();
    drafts.drop(key);
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
  reply: () => pane.composer?.choose(false, true),
  note: () => pane.composer?.choose(true, true),
  end: () => document.querySelector("[data-needs-open]:not([hidden])")?.click(),
  context: () => toggleContext(),
  status: () => status?.openMenu(),
  help: () => document.getElementById("help-dialog").showModal(),
};

function step(by) {
  const key = neighbour(lists.keys, pane.key, by);
  if (key) pane.open(key, { focus: true });
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
    pane.open(key, { focus: event.detail === 0 });
  }
  const card = event.target.closest(".offer");
  if (event.target.closest("[data-accept]")) accept(card);
  if (event.target.closest("[data-decline]")) decline(card);
  if (event.target.closest("[data-context]")) toggleContext();
  if (event.target.closest("[data-context-close]")) toggleContext(false);
});

addEventListener("popstate", () => {
  const match = /\/c\/([^/]+\/[^/]+)\/$/.exec(location.pathname);
  pane.open(match ? match[1] : "", { push: false });
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

/* Begin --------------------------------------------------------------------------------------- */

localise(document);
for (const [key, seq] of lists.seqs) threads.hold(key, seq);
pane.bind();
count();
tick();
setInterval(tick, 1000);
setInterval(() => document.hidden || lists.refresh(), LOOK_EVERY_MS);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  lists.refresh();
  pane.saw();
});
connection.open();
