import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Session } from "../../../chat/static/widget/session.js";

const CHAT = "11111111-1111-4111-8111-111111111111";
const VISITOR = "22222222-2222-4222-8222-222222222222";
const visitor = { kind: "visitor" };
const ana = { kind: "agent", name: "Ana" };
const AT = "2026-06-01T10:00:00Z";

let sockets, session, answers;

class FakeSocket {
  sent = [];
  constructor() {
    sockets.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

const socket = () => sockets.at(-1);
const settle = () => new Promise((resolve) => setImmediate(resolve));
const sent = (type) => socket().sent.filter((frame) => frame.type === type);
const texts = () => session.state.thread.events.filter((e) => e.type === "message").map((e) => e.text);
const message = (seq, text, author, id) => ({ type: "message", conversation: CHAT, seq, text, author, at: AT, id });
const changed = (seq, change, state, extra = {}) => ({
  type: "conversation.changed", conversation: CHAT, seq, change, state, author: { kind: "system" }, at: AT, ...extra,
});

function token(status = 200, visitorId = VISITOR) {
  const body = { token: `token of ${visitorId}`, visitor: visitorId, expires_in: 900 };
  return { ok: status === 200, status, json: async () => (status === 200 ? body : { code: "no", message: "No." }) };
}

function make() {
  session = new Session({
    url: "ws://test/",
    origin: "https://www.acme.example",
    onChange: () => {},
    fetch: async (...call) => {
      answers.calls.push(call);
      return answers.next.length > 1 ? answers.next.shift() : answers.next[0];
    },
    Socket: FakeSocket,
    random: () => 0.5,
  });
  session.open();
}

async function connect(conversations = [], you = VISITOR) {
  await socket().onopen();
  socket().say({ type: "welcome", you: { kind: "visitor", id: you }, server_time: AT, conversations });
  await settle();
}

async function started() {
  make();
  await connect();
  session.say("Hello");
  const [start] = sent("conversation.start");
  socket().say({ type: "ack", id: start.id, conversation: CHAT, seq: 2 });
  await settle();
  socket().say(changed(1, "started", "queued"));
  socket().say(message(2, "Hello", visitor, start.id));
  return start;
}

beforeEach(() => {
  sockets = [];
  answers = { calls: [], next: [token()] };
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => mock.timers.reset());

test("the token is asked for by POST, with the website, and sent in the first frame", async () => {
  make();
  await connect();
  const [[url, { method, body }]] = answers.calls;
  assert.deepEqual([url, method, JSON.parse(body)], ["/widget/token", "POST", { origin: "https://www.acme.example" }]);
  assert.deepEqual(socket().sent, [{ type: "hello", token: `token of ${VISITOR}` }]);
});

test("the first words start the conversation and stand in the thread once", async () => {
  const start = await started();
  assert.equal(start.text, "Hello");
  assert.deepEqual(texts(), ["Hello"]);
  assert.deepEqual(session.state.thread.pending, []);
  assert.equal(session.state.phase, "queued");
});

test("what is written while the conversation is being started follows it in order", async () => {
  make();
  await connect();
  session.say("One", { name: "Vic" });
  session.say("Two");
  session.say("Three");
  assert.equal(sent("conversation.start").length, 1);
  assert.deepEqual(sent("conversation.start")[0].fields, { name: "Vic" });
  assert.equal(sent("message.send").length, 0);
  socket().say({ type: "ack", id: sent("conversation.start")[0].id, conversation: CHAT, seq: 2 });
  await settle();
  assert.deepEqual(sent("message.send").map((f) => f.text), ["Two", "Three"]);
});

test("an ack stands for the event", async () => {
  await started();
  session.say("More");
  socket().say({ type: "ack", id: sent("message.send")[0].id, conversation: CHAT, seq: 3, at: AT });
  await settle();
  assert.deepEqual(texts(), ["Hello", "More"]);
  assert.equal(session.state.thread.last, 3);
});

test("after a cut the thread is resumed and the unanswered message sent once more", async () => {
  await started();
  session.say("More");
  const { id } = sent("message.send")[0];
  socket().onclose({ code: 1006 });
  mock.timers.tick(30_000);
  await connect([{ conversation: CHAT, state: "queued", last_seq: 3, started_at: AT }]);
  assert.deepEqual(sent("hello")[0].resume, { conversation: CHAT, after: 2 });
  assert.deepEqual(sent("message.send").map((f) => f.id), [id]);
  socket().say(message(3, "More", visitor, id));
  socket().say({ type: "ack", id, conversation: CHAT, seq: 3 });
  await settle();
  assert.deepEqual(texts(), ["Hello", "More"]);
});

test("a gap is asked for once and filled in order", async () => {
  await started();
  socket().say(message(4, "Second", ana));
  socket().say(message(5, "Third", ana));
  assert.deepEqual(sent("resume").at(-1), { type: "resume", conversation: CHAT, after: 2 });
  const asked = sent("resume").length;
  socket().say(message(3, "First", ana));
  socket().say(message(4, "Second", ana));
  assert.deepEqual(texts(), ["Hello", "First", "Second"]);
  assert.equal(sent("resume").length, asked);
});

test("a pong that knows more than we do is asked for the rest", async () => {
  await started();
  const before = sent("resume").length;
  socket().say({ type: "pong", server_time: AT, conversations: { [CHAT]: 3 } });
  assert.equal(sent("resume").length, before + 1);
  socket().say({ type: "pong", server_time: AT, conversations: { [CHAT]: 2 } });
  assert.equal(sent("resume").length, before + 1);
});

test("a chat that is open elsewhere is taken up", async () => {
  make();
  await connect([{ conversation: CHAT, state: "assigned", last_seq: 1, started_at: AT, agent: ana, desk_seen: 1 }]);
  assert.equal(session.state.phase, "assigned");
  assert.equal(session.state.agent.name, "Ana");
  assert.equal(session.state.thread.read, 1);
});

test("what is written before the welcome tells of an open chat goes there", async () => {
  make();
  session.say("At once");
  await connect([{ conversation: CHAT, state: "queued", last_seq: 2, started_at: AT }]);
  const [{ id }] = sent("conversation.start");
  socket().say({ type: "error", id, code: "already_open", message: "It is open." });
  await settle();
  const expected = { type: "message.send", id, conversation: CHAT, text: "At once" };
  assert.deepEqual(sent("message.send"), [expected]);
  socket().say(message(1, "Hello", visitor, "x"));
  socket().say(message(2, "Anybody?", visitor, "y"));
  socket().say({ type: "ack", id, conversation: CHAT, seq: 3, at: AT });
  await settle();
  assert.deepEqual(texts(), ["Hello", "Anybody?", "At once"]);
  assert.deepEqual(session.state.thread.pending, []);
});

test("what starts a chat while another tab starts one goes to that one", async () => {
  make();
  await connect();
  session.say("Hello");
  const [{ id }] = sent("conversation.start");
  socket().say({ type: "error", id, code: "already_open", message: "It is open." });
  await settle();
  await connect([{ conversation: CHAT, state: "queued", last_seq: 2, started_at: AT }]);
  const went = sent("message.send").map((f) => `${f.id} to ${f.conversation}`);
  // Perhaps more than once: the same id is stored once.
  assert.deepEqual([...new Set(went)], [`${id} to ${CHAT}`]);
});

test("who joins, types and leaves is shown", async () => {
  await started();
  socket().say({ type: "queue", conversation: CHAT, position: 2, wait: [30, 120] });
  assert.deepEqual(session.state.queue, { position: 2, wait: [30, 120] });
  socket().say(changed(3, "assigned", "assigned", { agent: ana }));
  assert.deepEqual([session.state.phase, session.state.agent.name, session.state.queue], ["assigned", "Ana", null]);
  socket().say({ type: "typing", conversation: CHAT, by: "agent", on: true, name: "Ana" });
  assert.equal(session.state.typist, "Ana");
  mock.timers.tick(6_000);
  assert.equal(session.state.typist, null);
  socket().say(changed(4, "closed", "closed"));
  assert.deepEqual([session.state.phase, session.state.agent], ["closed", null]);
});

test("messages are unread until they are shown, and seen is told once", async () => {
  await started();
  socket().say(message(3, "Hi", ana));
  assert.equal(session.state.unread, 1);
  assert.equal(sent("seen").length, 0);
  session.show(true);
  session.show(true);
  assert.equal(session.state.unread, 0);
  assert.deepEqual(sent("seen"), [{ type: "seen", conversation: CHAT, seq: 3 }]);
});

test("typing is told every two seconds at most, and its end", async () => {
  await started();
  for (let key = 0; key < 5; key += 1) session.typing();
  assert.deepEqual(sent("typing").map((f) => f.on), [true]);
  mock.timers.tick(4_000);
  assert.deepEqual(sent("typing").map((f) => f.on), [true, false]);
});

test("frames of another conversation are not shown", async () => {
  await started();
  socket().say({ ...message(3, "Not yours", ana), conversation: "33333333-3333-4333-8333-333333333333" });
  assert.deepEqual(texts(), ["Hello"]);
});

test("another visitor on this machine sees nothing of the one before", async () => {
  await started();
  answers.next = [token(200, "44444444-4444-4444-8444-444444444444")];
  socket().onclose({ code: 4401 });
  mock.timers.tick(30_000);
  await connect([], "44444444-4444-4444-8444-444444444444");
  assert.deepEqual(session.state.thread.events, []);
  assert.equal(session.state.phase, "new");
  assert.equal(sent("hello")[0].resume, undefined);
});

test("a refused message stays and is sent again with its own id", async () => {
  await started();
  session.say("More");
  const { id } = sent("message.send")[0];
  socket().say({ type: "error", id, code: "invalid", message: "Too long." });
  await settle();
  assert.deepEqual(session.state.thread.pending.map((m) => [m.id, m.state, m.error]), [[id, "failed", "Too long."]]);
  session.again(id);
  assert.deepEqual(sent("message.send").map((f) => f.id), [id, id]);
});

test("a website that is no longer allowed ends the session", async () => {
  answers.next = [token(403)];
  make();
  await socket().onopen();
  assert.equal(session.state.link, "refused");
});

test("an ended chat makes room for the next", async () => {
  await started();
  session.end();
  socket().say({ type: "ack", id: sent("conversation.end")[0].id, conversation: CHAT, seq: 3 });
  await settle();
  assert.equal(session.state.phase, "closed");
  session.restart();
  session.say("Again");
  assert.equal(sent("conversation.start").length, 2);
  assert.deepEqual(texts(), []);
});
