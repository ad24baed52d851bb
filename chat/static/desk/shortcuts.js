/* From a key press to what it means, as a pure function. Single letters never act. */

const WITH_ALT = {
  KeyA: "accept",
  KeyJ: "next",
  KeyK: "previous",
  KeyR: "reply",
  KeyN: "note",
  KeyE: "end",
  KeyO: "context",
  KeyS: "status",
};

/** The command of a key event, or "". By the key's place, so that every layout works. */
export function command(event, { isTyping = false, on = true } = {}) {
  if (!on || event.isComposing || event.ctrlKey || event.metaKey) return "";
  if (event.altKey && !event.shiftKey) return WITH_ALT[event.code] ?? "";
  if (!event.altKey && event.key === "?" && !isTyping) return "help";
  return "";
}

/** The key of the conversation `step` places on from `open`; round and round. */
export function neighbour(keys, open, step) {
  if (!keys.length) return "";
  const at = keys.indexOf(open);
  if (at < 0) return step > 0 ? keys[0] : keys[keys.length - 1];
  return keys[(at + step + keys.length) % keys.length];
}
