/* Finding a canned reply by what stands after a slash, as pure functions. */

const SHOWN = 8;

/** The `/word` in front of the caret: {start, query}, or null. A slash inside a word is no call. */
export function slashAt(text, caret) {
  const match = /(^|\s)\/([^\s/]{0,40})$/.exec(text.slice(0, caret));
  return match ? { start: caret - match[2].length - 1, query: match[2] } : null;
}

/** The replies that fit a query, the best first: shortcut, then title, then body. */
export function matching(replies, query) {
  const wanted = query.toLowerCase();
  return replies
    .map((reply) => ({ reply, rank: rank(reply, wanted) }))
    .filter(({ rank }) => rank < Infinity)
    .sort((a, b) => a.rank - b.rank || a.reply.shortcut.localeCompare(b.reply.shortcut))
    .slice(0, SHOWN)
    .map(({ reply }) => reply);
}

function rank({ shortcut, title, body }, wanted) {
  if (!wanted) return 0;
  if (shortcut === wanted) return 0;
  if (shortcut.startsWith(wanted)) return 1;
  if (title.toLowerCase().startsWith(wanted)) return 2;
  if (shortcut.includes(wanted)) return 3;
  if (title.toLowerCase().includes(wanted)) return 4;
  return body.toLowerCase().includes(wanted) ? 5 : Infinity;
}

/** The text with the reply in place of its `/word`, and where the caret stands then. */
export function inserted(text, caret, start, body) {
  const before = text.slice(0, start) + body;
  return { text: before + text.slice(caret), caret: before.length };
}
