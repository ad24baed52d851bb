/* Adding, removing and copying hours, and what they mean for the next two weeks as they are written. */

const form = document.getElementById("hours-form");
const ahead = document.getElementById("ahead");
const week = document.getElementById("week");
const exceptions = document.getElementById("exceptions");

const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const rowsOf = (day) => day.querySelector(".hours__rows");
const dayOf = (number) => week.querySelector(`[data-day="${number}"]`);

function interval(day, opens, closes) {
  const row = copyOf("interval-template");
  const name = day.querySelector(".hours__name").textContent;
  const [from, to] = row.querySelectorAll("input");
  Object.assign(from, { name: `day${day.dataset.day}_opens`, value: opens, ariaLabel: `${name} opens` });
  Object.assign(to, { name: `day${day.dataset.day}_closes`, value: closes, ariaLabel: `${name} closes` });
  row.querySelector("[data-remove]").ariaLabel = `Remove these hours of ${name}`;
  return row;
}

const hoursOf = (day) =>
  [...day.querySelectorAll("[data-interval]")].map((row) =>
    [...row.querySelectorAll("input")].map((input) => input.value),
  );

function add(day) {
  const last = hoursOf(day).at(-1);
  // A second interval of a day begins after its break.
  const row = last ? interval(day, plusHour(last[1]), "") : interval(day, "09:00", "17:00");
  rowsOf(day).insertBefore(row, rowsOf(day).querySelector(".hours__closed"));
  row.querySelector("input").focus();
}

function plusHour(time) {
  const [hour, minute] = time.split(":");
  return time ? `${String((Number(hour) + 1) % 24).padStart(2, "0")}:${minute}` : "";
}

function copy(from, numbers) {
  const hours = hoursOf(from);
  for (const day of numbers.map(dayOf)) {
    if (day === from) continue;
    for (const row of day.querySelectorAll("[data-interval]")) row.remove();
    for (const [opens, closes] of hours) {
      rowsOf(day).insertBefore(interval(day, opens, closes), rowsOf(day).querySelector(".hours__closed"));
    }
  }
}

function mark() {
  week.hidden = new FormData(form).get("mode") === "always";
  for (const row of form.querySelectorAll(".hours__interval")) {
    const [opens, closes] = [...row.querySelectorAll("input")].map((input) => input.value);
    const isNight = opens && closes && closes <= opens;
    const whole = opens === "00:00" && closes === "00:00";
    row.querySelector("[data-next]").textContent = whole ? "all day" : isNight ? "next day" : "";
  }
}

let waiting = 0;
let asked = 0;
function changed() {
  mark();
  clearTimeout(waiting);
  waiting = setTimeout(look, 300);
}

async function look() {
  const number = ++asked;
  const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form) });
  if (!answer.ok || number !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  ahead.replaceChildren(...page.body.childNodes);
}

form.addEventListener("click", ({ target }) => {
  const day = target.closest("[data-day]");
  const remove = target.closest("[data-remove]");
  const copyTo = target.closest("[data-copy-to]");
  if (target.closest("[data-add]")) add(day);
  else if (copyTo) {
    copy(day, copyTo.dataset.copyTo.split(" "));
    const menu = copyTo.closest("details");
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (remove) {
    const row = remove.closest("[data-interval], [data-exception]");
    const next = day?.querySelector("[data-add]") ?? document.getElementById("add-exception");
    row.remove();
    next.focus();
  } else if (target.closest("#add-exception")) {
    const row = copyOf("exception-template");
    exceptions.append(row);
    row.querySelector("input").focus();
  } else return;
  changed();
});
form.addEventListener("input", changed);
mark();
