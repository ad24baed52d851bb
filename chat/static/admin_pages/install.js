// "Seen on https://www.example.com 12 s ago", looked at again every few seconds.
import { ago } from "../ui/page.js";

const EVERY_MS = 3_000;
const section = document.querySelector("[data-seen]");
const list = section.querySelector("[data-seen-list]");
let shown = "";

function line(kind, ...parts) {
  const row = document.createElement("p");
  row.className = "cluster cluster--line";
  const dot = document.createElement("span");
  dot.className = `dot dot--${kind}`;
  const words = document.createElement("span");
  words.append(...parts);
  row.append(dot, words);
  return row;
}

function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

function draw(websites) {
  // Only a change is drawn anew and thereby read out; the seconds count on silently.
  const state = JSON.stringify(websites.map((site) => [site.origin, site.allowed, !!site.at]));
  if (state !== shown) {
    shown = state;
    const rows = websites
      .filter((site) => site.at)
      .map((site) => {
        if (!site.allowed)
          return line("bad", "Loaded on ", strong(site.origin), ", which is not allowed: the chat stays closed there.");
        const time = document.createElement("time");
        time.setAttribute("aria-hidden", "true");
        return line("ok", "Seen on ", strong(site.origin), " ", time);
      });
    if (!websites.some((site) => site.allowed && site.at)) rows.unshift(list.firstElementChild ?? "");
    list.replaceChildren(...rows);
  }
  const seen = websites.filter((site) => site.at && site.allowed);
  list.querySelectorAll("time").forEach((time, place) => {
    time.dateTime = seen[place].at;
    time.textContent = ago(new Date(seen[place].at));
  });
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(section.dataset.seen, { headers: { Accept: "application/json" } });
    if (answer.ok && !answer.redirected) draw((await answer.json()).websites);
  } catch {
    // The next look will tell.
  }
}

look();
setInterval(look, EVERY_MS);
