/* From a thread to the lines on the screen: pure, so that grouping and keys are tested alone. */

import { changeWords, clock, day } from "./words.js";

/** One line each: {key, kind: "day" | "event" | "message", ...}. A message keeps its key from the
 *  moment it is typed, so its element stays when the server has it. */
export function lines(thread, { now = new Date() } = {}) {
  const made = [];
  let lastDay = "";
  let last = null;
  const own = thread.events.filter(isOwn);
  const newestOwn = own.at(-1);
  for (const event of thread.events) {
    const today = day(event.at, now);
    if (today !== lastDay) {
      made.push({ key: `day ${today}`, kind: "day", text: today });
      lastDay = today;
      last = null;
    }
    if (event.type === "conversation.changed") {
      const text = changeWords(event);
      if (text) made.push({ key: `event ${event.seq}`, kind: "event", text });
      if (text) last = null;
    } else if (event.type === "message") {
      last = push(made, last, {
        key: event.id ?? `seq ${event.seq}`,
        own: isOwn(event),
        who: isOwn(event) ? "" : event.author.name,
        text: event.text,
        state: "stored",
        foot: event === newestOwn && !thread.pending.length ? stored(event, thread) : "",
        at: event.at,
      });
    }
  }
  for (const message of thread.pending) {
    last = push(made, last, {
      key: message.id,
      own: true,
      who: "",
      text: message.text,
      state: message.state,
      foot: message.state === "sending" ? "Sending…" : message.error,
      at: message.at,
    });
  }
  return made;
}

const isOwn = (event) => event.type === "message" && event.author.kind === "visitor";

function stored(event, thread) {
  return `${thread.read >= event.seq ? "Seen" : "Sent"} ${clock(event.at)}`;
}

/** Neighbours of one person are a group: the name stands over the first of it. */
function push(made, previous, fields) {
  const line = { kind: "message", first: true, last: true, ...fields };
  if (previous && previous.own === line.own && previous.who === line.who) {
    previous.last = false;
    line.first = false;
  }
  made.push(line);
  return line;
}
