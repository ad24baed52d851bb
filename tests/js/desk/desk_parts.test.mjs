import assert from "node:assert/strict";
import { test } from "node:test";

const from = (name) => import(new URL(`../../../chat/static/desk/${name}.js`, import.meta.url));
const { elapsed, pageTitle, urgency, waited, whatHappened } = await from("format");
const { inserted, matching, slashAt } = await from("replies");
const { command, neighbour } = await from("shortcuts");
const { Drafts } = await from("drafts");
const { localTime } = await from("clock");

test("durations grow from seconds to hours", () => {
  assert.deepEqual(
    [-5, 0, 42_000, 185_000, 3_723_000].map(elapsed),
    ["0:00", "0:00", "0:42", "3:05", "1:02:03"],
  );
  assert.deepEqual(
    [0, 4_999, 5_000, 59_999, 60_000, 3_599_000, 7_200_000].map(waited),
    ["now", "now", "5 s", "59 s", "1 min", "59 min", "2 h"],
  );
});

test("a time is told by the 24-hour clock, with its day when that is not today", () => {
  const now = new Date(2026, 5, 3, 20, 0);
  const told = (day, hour) => localTime(new Date(2026, 5, day, hour, 5).toISOString(), now);
  assert.deepEqual([told(3, 18), told(3, 0), told(2, 18)], ["18:05", "00:05", "2 Jun, 18:05"]);
});

test("a wait becomes urgent at 30 s and late at 60 s", () => {
  assert.deepEqual([29_999, 30_000, 59_999, 60_000].map(urgency), ["", "soon", "soon", "late"]);
});

test("every change says who did what", () => {
  const agent = { kind: "agent", name: "Ana" };
  const changed = (change, more = {}) =>
    whatHappened({ type: "conversation.changed", change, author: agent, ...more });
  assert.equal(changed("started"), "Chat started");
  assert.equal(changed("assigned", { agent }), "Ana joined");
  assert.equal(changed("requeued"), "Back in the queue");
  assert.equal(changed("closed"), "Ana ended the chat");
  assert.equal(changed("closed", { author: { kind: "visitor", name: "Vera" } }), "The visitor ended the chat");
  assert.equal(changed("closed", { author: { kind: "system" } }), "The chat ended");
  assert.equal(whatHappened({ type: "lead.changed", author: agent }), "Ana saved the lead");
});

test("the title of the tab says first what waits", () => {
  assert.equal(pageTitle({ ringing: 0, unread: 0, name: "" }), "Desk · Switchboard");
  assert.equal(pageTitle({ ringing: 0, unread: 3, name: "Vera" }), "(3) Vera · Desk");
  assert.equal(pageTitle({ ringing: 1, unread: 3, name: "" }), "● New chat · Desk · Switchboard");
  assert.equal(pageTitle({ ringing: 2, unread: 0, name: "" }), "● 2 new chats · Desk · Switchboard");
});

test("a slash calls the replies at the start of a word only", () => {
  assert.deepEqual(slashAt("/", 1), { start: 0, query: "" });
  assert.deepEqual(slashAt("Hi /hel", 7), { start: 3, query: "hel" });
  assert.deepEqual(slashAt("one\n/two", 8), { start: 4, query: "two" });
  for (const text of ["and/or", "https://", "/hello there", ""])
    assert.equal(slashAt(text, text.length), null);
});

test("replies are found by shortcut, then title, then body", () => {
  const reply = (shortcut, title, body) => ({ shortcut, title, body });
  const replies = [
    reply("bye", "Farewell", "hello again"),
    reply("welcome", "Hello", "x"),
    reply("hello", "Greeting", "x"),
    reply("sayhello", "Other", "x"),
  ];
  const shortcuts = (query) => matching(replies, query).map(({ shortcut }) => shortcut);
  assert.deepEqual(shortcuts("hello"), ["hello", "welcome", "sayhello", "bye"]);
  assert.deepEqual(shortcuts(""), ["bye", "hello", "sayhello", "welcome"]);
  assert.deepEqual(shortcuts("nothing"), []);
});

test("a reply takes the place of what called it", () => {
  assert.deepEqual(inserted("Hi /hel and more", 7, 3, "Welcome!"), {
    text: "Hi Welcome! and more",
    caret: 11,
  });
});

const press = (fields) => ({ altKey: false, shiftKey: false, ctrlKey: false, metaKey: false, ...fields });

test("shortcuts go by the key's place and never by a single letter", () => {
  assert.equal(command(press({ altKey: true, code: "KeyA", key: "å" })), "accept");
  assert.equal(command(press({ code: "KeyA", key: "a" })), "");
  assert.equal(command(press({ shiftKey: true, key: "?" })), "help");
  assert.equal(command(press({ shiftKey: true, key: "?" }), { isTyping: true }), "");
  assert.equal(command(press({ altKey: true, code: "KeyA" }), { on: false }), "");
  assert.equal(command(press({ altKey: true, code: "KeyA", isComposing: true })), "");
  assert.equal(command(press({ altKey: true, ctrlKey: true, code: "KeyA" })), "");
});

test("the next conversation after the last is the first", () => {
  const keys = ["a", "b", "c"];
  assert.equal(neighbour(keys, "c", 1), "a");
  assert.equal(neighbour(keys, "a", -1), "c");
  assert.equal(neighbour(keys, "", 1), "a");
  assert.equal(neighbour(keys, "gone", -1), "c");
  assert.equal(neighbour([], "a", 1), "");
});

class Storage {
  setItem(name, value) {
    this[name] = value;
  }
  getItem(name) {
    return this[name] ?? null;
  }
  removeItem(name) {
    delete this[name];
  }
}

test("drafts outlive the page and nothing else of the tab is touched", () => {
  const storage = new Storage();
  storage.setItem("other", "stays");
  new Drafts(storage).write("acme/1", { text: "half a sen", note: true });
  const after = new Drafts(storage);
  assert.deepEqual(after.read("acme/1"), { text: "half a sen", note: true });
  assert.deepEqual(after.read("acme/2"), { text: "", note: false });
  after.clear();
  assert.deepEqual({ ...storage }, { other: "stays" });
  assert.deepEqual(after.read("acme/1"), { text: "", note: false });
});

test("an emptied draft is none, and a refused storage loses nothing in the page", () => {
  const drafts = new Drafts(null);
  drafts.write("acme/1", { text: "kept", note: false });
  assert.equal(drafts.read("acme/1").text, "kept");
  drafts.write("acme/1", { text: "", note: true });
  assert.deepEqual(drafts.read("acme/1"), { text: "", note: false });
});
