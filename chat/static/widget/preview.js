/* The frame as a picture of itself in the branding pages: no network, a made-up conversation. */

import { emptyThread, receive } from "../live/store.js";

const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

function sample() {
  const visitor = { kind: "visitor" };
  const agent = { kind: "agent", name: "Alex" };
  const said = [
    { author: visitor, text: "Hi! Are you open on Saturday?", at: minutesAgo(4) },
    { type: "conversation.changed", change: "assigned", state: "assigned", agent, author: agent, at: minutesAgo(3) },
    { author: agent, text: "Good afternoon! Yes, from 9 to 2.", at: minutesAgo(3) },
    { author: agent, text: "Shall I put you down for a time?", at: minutesAgo(2) },
    { author: visitor, text: "Yes please, around ten.", at: minutesAgo(1) },
  ];
  const thread = said.reduce(
    (made, event, index) => receive(made, { type: "message", id: `sample-${index}`, seq: index + 1, ...event }),
    emptyThread(),
  );
  return { phase: "assigned", agent, thread: { ...thread, read: said.length } };
}

const untouched = { phase: "new", agent: null, thread: emptyThread() };

/** `message`: {company, colours, greeting, offline_message, logo?, theme, open, chat} */
export function preview({ message, config, panel, draw }) {
  const { type, switchboard, theme, open, chat, ...words } = message;
  Object.assign(config, words);
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(9, 0, 0, 0);
  config.opening = open ? { open: true } : { open: false, opens_at: tomorrow.toISOString() };
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  panel.dress(config);
  draw(open && chat ? sample() : untouched);
}
