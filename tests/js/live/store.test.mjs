import assert from "node:assert/strict";
import { test } from "node:test";

import * as store from "../../../chat/static/live/store.js";

const visitor = { kind: "visitor", name: "" };
const event = (seq, extra = {}) => ({ type: "message", seq, id: `server-${seq}`, text: "", ...extra });

function random(seed) {
  let state = seed;
  return () => ((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648);
}

test("events in order are appended", () => {
  const thread = [event(1), event(2)].reduce(store.receive, store.emptyThread());
  assert.deepEqual(thread.events.map((e) => e.seq), [1, 2]);
  assert.equal(thread.last, 2);
  assert.equal(thread.gap, false);
});

test("an event seen before changes nothing", () => {
  const thread = store.receive(store.emptyThread(), event(1));
  assert.equal(store.receive(thread, event(1)), thread);
});

test("an event too far ahead is not shown and its gap is noted until it is filled", () => {
  let thread = store.receive(store.emptyThread(), event(3));
  assert.deepEqual(thread.events, []);
  assert.equal(thread.gap, true);
  thread = store.receive(thread, event(1));
  assert.equal(thread.gap, false);
});

test("an own message is one line from the first key to its event", () => {
  let thread = store.compose(store.emptyThread(), { id: "a", text: "Hello", at: "t" });
  thread = store.compose(thread, { id: "a", text: "Hello", at: "t" });
  assert.equal(thread.pending.length, 1);
  thread = store.acknowledge(thread, "a", 1, visitor);
  assert.deepEqual(thread.pending, []);
  assert.equal(thread.events[0].text, "Hello");
  thread = store.receive(thread, event(1, { id: "a", text: "Hello" }));
  assert.equal(thread.events.length, 1);
});

test("an event that comes before its ack takes the pending message's place", () => {
  let thread = store.compose(store.emptyThread(), { id: "a", text: "Hello", at: "t" });
  thread = store.receive(thread, event(1, { id: "a", text: "Hello" }));
  assert.deepEqual(thread.pending, []);
  assert.equal(store.acknowledge(thread, "a", 1, visitor), thread);
});

test("an ack beyond a gap keeps the message pending until the gap is filled", () => {
  let thread = store.compose(store.emptyThread(), { id: "a", text: "Hello", at: "t" });
  thread = store.acknowledge(thread, "a", 2, visitor);
  assert.equal(thread.gap, true);
  assert.equal(thread.pending.length, 1);
  thread = [event(1), event(2, { id: "a" })].reduce(store.receive, thread);
  assert.deepEqual(thread.pending, []);
  assert.equal(thread.events.length, 2);
});

test("a refused message stays, with its reason, until it is sent again or thrown away", () => {
  let thread = store.compose(store.emptyThread(), { id: "a", text: "Hello", at: "t" });
  thread = store.fail(thread, "a", "Too long.");
  assert.deepEqual([thread.pending[0].state, thread.pending[0].error], ["failed", "Too long."]);
  assert.equal(store.retry(thread, "a").pending[0].state, "sending");
  assert.deepEqual(store.discard(thread, "a").pending, []);
});

test("what was read is never un-read", () => {
  const thread = store.markRead(store.emptyThread(), 5);
  assert.equal(store.markRead(thread, 3), thread);
});

test("whatever the network loses, repeats and reorders, resuming makes the thread whole", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const dice = random(seed);
    const log = Array.from({ length: 1 + Math.floor(dice() * 20) }, (_, n) => event(n + 1));
    let thread = store.emptyThread();
    for (let step = 0; step < 60; step += 1) {
      thread = store.receive(thread, log[Math.floor(dice() * log.length)]);
      if (thread.gap && dice() < 0.5) {
        thread = log.slice(thread.last).reduce(store.receive, thread);
      }
      assert.deepEqual(thread.events, log.slice(0, thread.last));
    }
    thread = log.slice(thread.last).reduce(store.receive, thread);
    assert.deepEqual(thread.events, log);
  }
});

test("only web and mail links become links, without the sentence's punctuation", () => {
  assert.deepEqual(store.linkify("See https://example.com/a?b=1. Or mailto:me@example.com!"), [
    { text: "See " },
    { text: "https://example.com/a?b=1", href: "https://example.com/a?b=1" },
    { text: ". Or " },
    { text: "mailto:me@example.com", href: "mailto:me@example.com" },
    { text: "!" },
  ]);
  for (const text of ["javascript:alert(1)", "data:text/html,x", "https://", "plain <b>text</b>"]) {
    assert.deepEqual(store.linkify(text), [{ text }]);
  }
  assert.deepEqual(store.linkify(""), []);
});
