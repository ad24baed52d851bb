/* Times and sentences, in the visitor's own language of dates and their own time zone. */

const DAY = 86_400_000;

const time = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export const clock = (at) => time.format(new Date(at));

const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate());

/** Whole calendar days from `now` to `at`, by the visitor's clock. */
export function daysAhead(at, now = new Date()) {
  return Math.round((midnight(at) - midnight(now)) / DAY);
}

/** "today at 14:00", "tomorrow at 09:00", "on Monday at 09:00", "on Friday, 2 January at 09:00" */
export function moment(iso, now = new Date()) {
  const at = new Date(iso);
  const days = daysAhead(at, now);
  if (days === 0) return `today at ${clock(at)}`;
  if (days === 1) return `tomorrow at ${clock(at)}`;
  return `on ${(days < 7 ? weekday : date).format(at)} at ${clock(at)}`;
}

export function day(iso, now = new Date()) {
  const at = new Date(iso);
  const days = daysAhead(at, now);
  if (days === 0) return "Today";
  return days === -1 ? "Yesterday" : date.format(at);
}

/** What stands under the company's name. A clock that differs from the company's is named. */
export function openingWords(opening, zone, now = new Date()) {
  if (opening.open) return "We are here to help";
  if (!opening.opens_at) return "We are closed";
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const differs = offset(opening.opens_at, zone) !== offset(opening.opens_at, own);
  return `Closed. We open ${moment(opening.opens_at, now)}${differs ? " your time" : ""}`;
}

function offset(iso, timeZone) {
  const format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  return format.formatToParts(new Date(iso)).find(({ type }) => type === "timeZoneName").value;
}

/** "1st" ... "21st": only English has these words here, as has every other text. */
function ordinal(number) {
  const endings = { one: "st", two: "nd", few: "rd", other: "th" };
  return `${number}${endings[new Intl.PluralRules("en", { type: "ordinal" }).select(number)]}`;
}

export function queueWords({ position, wait }) {
  const place = position <= 1 ? "You are next in line" : `You are ${ordinal(position)} in line`;
  if (!wait) return `${place}.`;
  const minutes = Math.max(1, Math.round(wait[1] / 60));
  return `${place} · about ${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
}

export function changeWords({ change, author, agent }) {
  const name = agent?.name || author?.name || "An agent";
  if (change === "assigned") return `${agent?.name || "An agent"} joined the chat`;
  if (change === "requeued") return "We are finding somebody else for you";
  if (change === "closed") {
    if (author?.kind === "visitor") return "You ended the chat";
    return author?.kind === "agent" ? `${name} ended the chat` : "The chat ended";
  }
  return "";
}

/** The two letters that stand for a company without a logo. */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  return words
    .slice(0, 2)
    .map((word) => [...word][0])
    .join("")
    .toLocaleUpperCase();
}
