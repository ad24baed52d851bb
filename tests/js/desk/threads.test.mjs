import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const from = (name) => import(new URL(`../../../chat/static/${name}.js`, import.meta.url));
const { Threads } = await from("desk/threads");
const { Refused } = await from("live/connection");

const KEY = "acme/1";
const me = { kind: "agent", id: "a", name: "Ana" };
let told, asked, answer, threads;

beforeEach(() => {
  told = [];
  asked = [];
  const note = (name) => (key, fact) => told.push([name, key, fact.seq ?? fact.error ?? fact.text]);
  const connection = {
    tell: (frame) => asked.push(frame),
    send: (frame) => new Promise((resolve, reject) => (answer = { frame, resolve, reject })),
  };
  const on = Object.fromEntries(["event", "sending", "stored", "failed"].map((n) => [n, note(n)]));
  threads = new Threads({ connection, me, on });
});

const event = (seq, more = {}) => ({ type: "message", conversation: KEY, seq, text: `m${seq}`, ...more });
const settled = () => new Promise((resolve) => setTimeout(resolve));

test("each event is told once and in its turn; a gap asks for the rest", () => {
  threads.hold(KEY, 3);
  for (const seq of [3, 4, 4, 6]) threads.takeIn(event(seq));
  assert.deepEqual(told, [["event", KEY, 4]]);
  assert.deepEqual(asked, [{ type: "resume", conversation: KEY, after: 4 }]);
  assert.deepEqual(threads.lasts, [[KEY, 4]]);
});

test("holding what is held already forgets nothing", () => {
  threads.hold(KEY, 3);
  threads.hold(KEY, 0);
  assert.equal(threads.last(KEY), 3);
  assert.equal(threads.last("acme/2"), undefined);
});

test("an own message stands at once and is stored under its number", async () => {
  threads.hold(KEY, 1);
  threads.send(KEY, { text: "Hello", note: false });
  const { id } = answer.frame;
  assert.deepEqual(answer.frame, {
    type: "message.send", id, conversation: KEY, text: "Hello", note: false,
  });
  answer.resolve({ seq: 2, at: "2026-01-01T00:00:00Z" });
  await settled();
  assert.deepEqual(told, [["sending", KEY, "Hello"], ["stored", KEY, "Hello"]]);
  assert.equal(threads.last(KEY), 2);
  threads.takeIn(event(2, { id }));
  assert.equal(told.length, 2);
});

test("a refused message says why and goes out again with the same id, or is thrown away", async () => {
  threads.hold(KEY, 1);
  threads.send(KEY, { text: "Hello", note: false });
  const { id } = answer.frame;
  answer.reject(new Refused({ code: "conversation_closed", message: "This chat has ended." }));
  await settled();
  assert.deepEqual(told.at(-1), ["failed", KEY, "This chat has ended."]);
  assert.equal(threads.sendAgain(KEY, id), true);
  assert.equal(answer.frame.id, id);
  threads.discard(KEY, id);
  assert.equal(threads.sendAgain(KEY, id), false);
});

test("a message of a conversation that went meanwhile is stored or failed all the same", async () => {
  for (const key of ["acme/1", "acme/2"]) threads.hold(key, 1);
  threads.send("acme/1", { text: "refused", note: false });
  const { reject } = answer;
  threads.send("acme/2", { text: "late", note: false });
  threads.forget("acme/1");
  threads.forget("acme/2");
  reject(new Refused({ code: "not_found", message: "It is not yours." }));
  answer.resolve({ seq: 2, at: "2026-01-01T00:00:00Z" });
  await settled();
  assert.deepEqual(told.slice(2).sort(), [
    ["failed", "acme/1", "It is not yours."],
    ["stored", "acme/2", "late"],
  ]);
  assert.deepEqual(threads.lasts, []);
});

test("what the server drew is completed by what came meanwhile and what is on its way", () => {
  threads.hold(KEY, 0);
  for (const seq of [1, 2, 3]) threads.takeIn(event(seq));
  threads.send(KEY, { text: "drawn", note: false });
  const { id } = answer.frame;
  threads.send(KEY, { text: "on its way", note: false });
  const { later, pending, isBehind } = threads.drawn(KEY, 2, [id]);
  assert.deepEqual(later.map(({ seq }) => seq), [3]);
  assert.deepEqual(pending.map(({ text }) => text), ["on its way"]);
  assert.equal(isBehind, false);
  assert.equal(threads.last(KEY), 3);
});

test("a drawing older than what is held without its events is behind", () => {
  threads.hold(KEY, 5);
  assert.equal(threads.drawn(KEY, 2, []).isBehind, true);
});
