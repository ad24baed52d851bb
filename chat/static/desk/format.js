/* Words for times and states, as pure functions. Times are milliseconds since 1970. */

/** "0:42", "3:05", "1:02:03": how long something lasts. */
export function elapsed(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}

/** "now", "42 s", "5 min", "2 h": short enough for a list. */
export function waited(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

export const AMBER_AFTER_MS = 30_000;
export const RED_AFTER_MS = 60_000;

/** How urgent an unanswered message is: "", "soon" or "late". */
export function urgency(milliseconds) {
  if (milliseconds >= RED_AFTER_MS) return "late";
  return milliseconds >= AMBER_AFTER_MS ? "soon" : "";
}

/** What a durable event that is no message says, in a line. */
export function whatHappened(event) {
  const who = event.author?.name ?? "";
  if (event.type === "lead.changed") return `${who || "Somebody"} saved the lead`;
  if (event.type !== "conversation.changed") return "Changed";
  switch (event.change) {
    case "started":
      return "Chat started";
    case "assigned":
      return `${event.agent?.name || "An agent"} joined`;
    case "requeued":
      return "Back in the queue";
    case "closed": {
      const by = event.author?.kind === "visitor" ? "The visitor" : who;
      return by ? `${by} ended the chat` : "The chat ended";
    }
    default:
      return "Changed";
  }
}

/** The title of the tab: what waits for the agent comes first. */
export function pageTitle({ ringing, unread, name }) {
  const base = name ? `${name} · Desk` : "Desk · Switchboard";
  if (ringing) return `● ${ringing === 1 ? "New chat" : `${ringing} new chats`} · ${base}`;
  return unread ? `(${unread}) ${base}` : base;
}
