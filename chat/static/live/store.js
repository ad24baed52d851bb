/* What a thread shows, as pure functions: (thread, what happened) -> thread. Nothing here touches
 * the page or the network, so the rules that keep messages whole and single are tested alone.
 *
 * thread: {
 *   events:  durable events in the order of `seq`, without gaps,
 *   last:    the seq up to which the thread is complete,
 *   gap:     true when an event beyond `last + 1` was seen: resume with `after: last`,
 *   pending: own messages the server has not put into the stream yet:
 *            {id, text, at, note, state: "sending" | "failed", error}
 *   read:    how far the other side has read, in this side's numbering
 * } */

export function emptyThread() {
  return { events: [], last: 0, gap: false, pending: [], read: 0 };
}

/** Take in one durable event. Seen before: unchanged. Too far ahead: only the gap is noted. */
export function receive(thread, event) {
  if (event.seq <= thread.last) return thread;
  if (event.seq > thread.last + 1) return thread.gap ? thread : { ...thread, gap: true };
  return {
    ...thread,
    events: [...thread.events, event],
    last: event.seq,
    gap: false,
    pending: thread.pending.filter((message) => message.id !== event.id),
  };
}

/** Put an own message on the screen before the server has it. Twice the same id: once. */
export function compose(thread, { id, text, at, note = false }) {
  if (thread.pending.some((message) => message.id === id)) return thread;
  const message = { id, text, at, note, state: "sending", error: "" };
  return { ...thread, pending: [...thread.pending, message] };
}

/** The server has the message `id` as event `seq`, stored `at`. It joins the stream when that is its
 *  turn. */
export function acknowledge(thread, id, seq, author, at) {
  const message = thread.pending.find((candidate) => candidate.id === id);
  if (!message || seq === undefined || seq === null) return thread;
  return receive(thread, {
    type: "message",
    id,
    seq,
    author,
    text: message.text,
    at: at ?? message.at,
    note: message.note,
  });
}

/** The server refused the message `id`; it stays on the screen with the reason. */
export function fail(thread, id, error) {
  return change(thread, id, { state: "failed", error });
}

/** The person sends a refused message once more, or throws it away. */
export function retry(thread, id) {
  return change(thread, id, { state: "sending", error: "" });
}

export function discard(thread, id) {
  return { ...thread, pending: thread.pending.filter((message) => message.id !== id) };
}

/** The other side has read up to `seq`; it never un-reads. */
export function markRead(thread, seq) {
  return seq > thread.read ? { ...thread, read: seq } : thread;
}

function change(thread, id, fields) {
  return {
    ...thread,
    pending: thread.pending.map((message) =>
      message.id === id ? { ...message, ...fields } : message,
    ),
  };
}

/** Parts of a text for the page: {text} and {text, href} for http, https and mailto links. */
export function linkify(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/\b(?:https?:\/\/|mailto:)[^\s<>"']+/gi)) {
    // A sentence's own punctuation is no part of the link.
    const link = match[0].replace(/[.,;:!?)\]}]+$/, "");
    const url = parsed(link);
    if (!url || !["http:", "https:", "mailto:"].includes(url.protocol)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: link, href: url.href });
    end = match.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function parsed(link) {
  try {
    return new URL(link);
  } catch {
    return null;
  }
}
