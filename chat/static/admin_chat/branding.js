/* Keeps the real chat beside the form in step with what is written in it. */

const form = document.getElementById("branding-form");
const toggles = document.getElementById("toggles");
const frame = document.getElementById("preview");
const stage = document.getElementById("stage");
const launcher = document.getElementById("launcher");
const shown = JSON.parse(document.getElementById("branding-shown").textContent);
const stored = shown.logo;
let { colours } = shown;
let logo = stored;
let isReady = false;

const value = (name) => form.elements[name].value;
const chosen = (name) => new FormData(toggles).get(name);

function draw() {
  const moment = chosen("moment");
  const hidden = moment === "closed" && value("outside_hours") === "hide";
  stage.dataset.screen = chosen("screen");
  stage.dataset.themeShown = chosen("theme");
  stage.dataset.position = value("position");
  stage.classList.toggle("stage--hidden", hidden);
  document.getElementById("hidden-note").hidden = !hidden;
  document.getElementById("launcher-label").textContent = value("launcher_label");
  launcher.style.background = colours.fill;
  launcher.style.color = colours.on_fill;
  if (!isReady) return;
  frame.contentWindow.postMessage(
    {
      switchboard: 1,
      type: "preview",
      company: value("name"),
      greeting: value("greeting"),
      offline_message: value("offline_message"),
      colours,
      logo: form.elements.remove_logo?.checked ? null : logo,
      theme: chosen("theme"),
      open: moment !== "closed",
      chat: moment === "chat",
    },
    location.origin,
  );
}

let asked = 0;
async function recolour() {
  const number = ++asked;
  const answer = await fetch(`/admin/branding/colours?colour=${encodeURIComponent(value("colour"))}`);
  // An answer that was overtaken by a later colour is old.
  if (!answer.ok || number !== asked) return;
  const made = await answer.json();
  colours = made.colours;
  const items = made.notices.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  document.getElementById("colour-notices").replaceChildren(...items);
  draw();
}

let waiting = 0;
form.elements.colour.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(recolour, 120);
});
form.elements.logo.addEventListener("change", ({ target }) => {
  if (logo !== stored) URL.revokeObjectURL(logo);
  logo = target.files[0] ? URL.createObjectURL(target.files[0]) : stored;
  draw();
});
form.addEventListener("input", draw);
toggles.addEventListener("change", draw);
window.addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow || event.origin !== location.origin) return;
  if (event.data?.switchboard !== 1 || event.data.type !== "ready") return;
  isReady = true;
  draw();
});
// The frame may have been ready before this module ran.
frame.addEventListener("load", () => {
  isReady = true;
  draw();
});
if (frame.contentDocument?.readyState === "complete") isReady = true;
draw();
