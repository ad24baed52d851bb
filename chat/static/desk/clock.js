/* Everything on the page that tells a time: one tick a second for all of it. */

import { elapsed, urgency, waited } from "./format.js";

// Days and times as the server writes them.
const LOCALE = "en-GB";
const CLOCK = { hour: "2-digit", minute: "2-digit" };

/** A moment in the agent's own zone: the time today, else the day with it. */
export function localTime(iso, now = new Date()) {
  const at = new Date(iso);
  const time = at.toLocaleTimeString(LOCALE, CLOCK);
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.toLocaleDateString(LOCALE, { day: "numeric", month: "short" })}, ${time}`;
}

/** Put the times that the server wrote in UTC into the agent's own zone. */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]"))
    time.textContent =
      "day" in time.dataset
        ? new Date(time.dateTime).toLocaleDateString(LOCALE, { dateStyle: "medium" })
        : localTime(time.dateTime);
}

export function tick(now = Date.now()) {
  for (const element of document.querySelectorAll(".elapsed[data-since]"))
    element.textContent = elapsed(now - Date.parse(element.dataset.since));
  for (const element of document.querySelectorAll("[data-wait][data-since]")) {
    const wait = now - Date.parse(element.dataset.since);
    const level = urgency(wait);
    element.textContent = waited(wait);
    element.classList.toggle("wait--soon", level === "soon");
    element.classList.toggle("wait--late", level === "late");
  }
  for (const offer of document.querySelectorAll("[data-expires]")) {
    const left = Math.max(0, (Date.parse(offer.dataset.expires) - now) / 1000);
    offer.querySelector("[data-countdown]").textContent = `${Math.ceil(left)} s`;
    offer.querySelector("progress").value = left;
  }
  for (const time of document.querySelectorAll("time[data-clock]"))
    time.textContent = new Date(now).toLocaleTimeString(LOCALE, {
      ...CLOCK,
      timeZone: time.dataset.clock,
    });
}
