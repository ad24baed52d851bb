/* The frame's page: which of its parts are shown for a state, and the company's look. */

import { initials, openingWords, queueWords } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Panel {
  parts = Object.fromEntries(
    [
      "again", "alert", "another", "ask", "banner", "close", "company", "composer", "end", "ended",
      "greeting", "hero", "log", "mark", "newer", "offers", "offline", "presence", "privacy", "scroll",
      "send", "sent", "sent-words", "text", "typing", "typist", "waiting", "who", "who-email",
      "who-name",
    ].map((id) => [id, byId(id)]),
  );
  #left = false;

  /** The company's name, logo, colours and words. */
  dress(config) {
    const { parts } = this;
    parts.company.textContent = config.company;
    parts.offers.textContent = config.offers_consent;
    parts.privacy.hidden = !config.health_care;
    const style = document.documentElement.style;
    for (const [name, value] of Object.entries(config.colours)) {
      style.setProperty(`--${name.replaceAll("_", "-")}`, value);
    }
    if (!config.logo) {
      parts.mark.replaceChildren(initials(config.company));
      return;
    }
    const image = new Image();
    image.alt = "";
    image.src = config.logo;
    parts.mark.replaceChildren(image);
  }

  /** Show what `state` (session.js) and `opening` ask for. */
  show(state, config) {
    const { parts } = this;
    const { opening } = config;
    const begun = state.phase !== "new" || state.thread.pending.length > 0;
    // A chat that is under way goes on after closing time.
    const offline = !opening.open && !begun;
    parts.offline.hidden = !offline || this.#left;
    parts.sent.hidden = !offline || !this.#left;
    parts.composer.hidden = offline || state.phase === "closed";
    parts.ended.hidden = state.phase !== "closed";
    parts.end.hidden = !["queued", "assigned"].includes(state.phase);
    parts.who.hidden = begun;
    parts.log.hidden = offline;
    // The greeting stands large until the first words, then as the first bubble over them.
    say(parts.hero, begun ? "" : opening.open ? config.greeting : config.offline_message);
    parts.hero.classList.toggle("hero--small", offline);
    say(parts.greeting, begun ? config.greeting : "");
    say(parts.presence, presence(state, opening, config.zone));
    say(parts.banner, banner(state));
    say(parts.waiting, waiting(state));
    parts.typing.hidden = state.typist === null;
    parts.typist.textContent = state.typist ? `${state.typist} is typing` : "";
  }

  left(value, opening) {
    this.#left = value;
    const when = opening.opens_at ? " We will answer when we are back." : "";
    this.parts["sent-words"].textContent = `Your message has arrived.${when}`;
  }
}

/* A live region that is written again is read again; so only when it changed. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function presence(state, opening, zone) {
  if (state.phase === "assigned" && state.agent?.name) return `You are talking to ${state.agent.name}`;
  if (["starting", "queued"].includes(state.phase)) return "One moment, please";
  return openingWords(opening, zone);
}

function banner({ link, thread }) {
  if (link === "refused") return "This chat session is over. Load the page again to go on.";
  if (link !== "reconnecting") return "";
  return thread.pending.length
    ? "Reconnecting… Your messages are kept and will be sent."
    : "Reconnecting…";
}

function waiting({ phase, queue }) {
  if (phase !== "queued") return "";
  return queue ? queueWords(queue) : "You can keep writing; somebody will join you here.";
}
