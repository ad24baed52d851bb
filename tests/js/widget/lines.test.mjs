import assert from "node:assert/strict";
import { test } from "node:test";

import { compose, emptyThread, fail, receive } from "../../../chat/static/live/store.js";
import { lines } from "../../../chat/static/widget/lines.js";
import { clock, daysAhead, initials, openingWords, queueWords } from "../../../chat/static/widget/words.js";

const visitor = { kind: "visitor" };
const ana = { kind: "agent", name: "Ana" };
const now = new Date(2026, 5, 3, 12, 0);
const at = (day, hour) => new Date(2026, 5, day, hour).toISOString();
const message = (seq, author, when, id = `m${seq}`) => ({ type: "message", seq, id, author, text: `text ${seq}`, at: when });
const thread = (...events) => events.reduce(receive, emptyThread());
const shown = (made) => lines(made, { now }).map((line) => line.text);

test("days are divided and neighbours of one person are a group", () => {
  const made = lines(
    thread(message(1, ana, at(2, 9)), message(2, ana, at(2, 10)), message(3, visitor, at(3, 9))),
    { now },
  );
  assert.deepEqual(made.map((line) => line.kind), ["day", "message", "message", "day", "message"]);
  assert.deepEqual([made[0].text, made[3].text], ["Yesterday", "Today"]);
  assert.deepEqual(made.filter((l) => l.kind === "message").map((l) => [l.first, l.last, l.who]), [
    [true, false, "Ana"], [false, true, "Ana"], [true, true, ""],
  ]);
});

test("a time is told by the 24-hour clock, whatever the visitor's language", () => {
  const told = (hour) => clock(new Date(2026, 5, 3, hour, 5));
  assert.deepEqual([told(9), told(18), told(0)], ["09:05", "18:05", "00:05"]);
});

test("a message keeps its key from being typed to being stored", () => {
  const typed = compose(emptyThread(), { id: "x", text: "Hello", at: at(3, 9) });
  const stored = receive(typed, message(1, visitor, at(3, 9), "x"));
  assert.equal(lines(typed, { now }).at(-1).key, lines(stored, { now }).at(-1).key);
});

test("only the newest own message says what became of it", () => {
  const made = thread(message(1, visitor, at(3, 9)), message(2, visitor, at(3, 10)));
  assert.deepEqual(lines(made, { now }).map((l) => l.foot?.split(" ")[0]), [undefined, "", "Sent"]);
  assert.equal(lines({ ...made, read: 2 }, { now }).at(-1).foot.split(" ")[0], "Seen");
  const waiting = compose(made, { id: "x", text: "More", at: at(3, 11) });
  assert.deepEqual(lines(waiting, { now }).map((l) => l.foot), [undefined, "", "", "Sending…"]);
  assert.equal(lines(fail(waiting, "x", "Too long."), { now }).at(-1).foot, "Too long.");
});

test("who came and went stands between the messages", () => {
  const change = (seq, what, extra) => ({ type: "conversation.changed", seq, change: what, at: at(3, 9), author: ana, ...extra });
  assert.deepEqual(
    shown(thread(change(1, "started"), change(2, "assigned", { agent: ana }), change(3, "requeued"), change(4, "closed"))),
    ["Today", "Ana joined the chat", "We are finding somebody else for you", "Ana ended the chat"],
  );
  assert.equal(shown(thread(change(1, "closed", { author: visitor }))).at(-1), "You ended the chat");
});

test("the opening is told in days of the visitor's own calendar", () => {
  assert.equal(daysAhead(new Date(2026, 5, 4, 0, 5), new Date(2026, 5, 3, 23, 55)), 1);
  assert.equal(daysAhead(new Date(2026, 5, 3, 23), new Date(2026, 5, 3, 0)), 0);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const closed = (iso) => openingWords({ open: false, opens_at: iso }, own, now);
  assert.match(closed(at(3, 14)), /^Closed\. We open today at /u);
  assert.match(closed(at(4, 9)), /^Closed\. We open tomorrow at /u);
  assert.match(closed(at(7, 9)), /^Closed\. We open on Sunday at /u);
  assert.match(closed(at(20, 9)), /^Closed\. We open on .*June/u);
  assert.equal(closed(null), "We are closed");
  assert.equal(openingWords({ open: true }, own, now), "We are here to help");
});

test("a company in another time zone is told in the visitor's time, and says so", () => {
  const far = openingWords({ open: false, opens_at: at(4, 9) }, "Pacific/Kiritimati", now);
  assert.match(far, / your time$/u);
});

test("the place in line is told in words", () => {
  assert.equal(queueWords({ position: 1 }), "You are next in line.");
  assert.equal(queueWords({ position: 3, wait: [60, 240] }), "You are 3rd in line · about 4 minutes");
  assert.equal(queueWords({ position: 12, wait: [1, 20] }), "You are 12th in line · about 1 minute");
});

test("a company without a logo has its initials", () => {
  assert.deepEqual(["Acme Motors", "globex", "  ", "Über Öl Ag"].map(initials), ["AM", "G", "", "ÜÖ"]);
});
