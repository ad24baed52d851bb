// Small behaviours of every page, bound by data attributes; each page works without them.

/** Say something briefly; `kind` is "ok", "bad" or nothing. Read out politely. */
export function toast(text, kind = "") {
  let list = document.querySelector(".toasts");
  if (!list) {
    list = document.createElement("div");
    list.className = "toasts";
    list.setAttribute("role", "status");
    document.body.append(list);
  }
  const item = document.createElement("div");
  item.className = kind ? `toast toast--${kind}` : "toast";
  item.textContent = text;
  list.append(item);
  setTimeout(() => item.remove(), 6000);
}

/** The CSRF token of this page's forms; the cookie itself is HttpOnly. */
export function csrfToken() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

/** "12 s ago", "4 min ago"; older than a day, the date. `at` is a Date. */
export function ago(at, now = new Date()) {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const text = document.querySelector(copy.dataset.copy)?.textContent.trim() ?? "";
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.", "ok");
    } catch {
      getSelection().selectAllChildren(document.querySelector(copy.dataset.copy));
      toast("Selected. Press Ctrl+C to copy.");
    }
  }
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  // A second press must not send twice; the button comes back with the page.
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
});

for (const input of document.querySelectorAll("[data-time-zone]"))
  if (!input.value || input.value === "UTC") {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if ([...(input.options ?? [])].some((option) => option.value === zone)) input.value = zone;
  }

for (const time of document.querySelectorAll("time[data-ago]"))
  time.textContent = ago(new Date(time.dateTime));

/** Tell each cell its column's name, and keep the table one for whom it is read out as cards. */
function label(table) {
  const columns = [...table.tHead.rows[0].cells].map((head) =>
    head.querySelector(".visually-hidden") ? "" : head.textContent.trim(),
  );
  table.setAttribute("role", "table");
  for (const body of table.tBodies) body.setAttribute("role", "rowgroup");
  for (const row of [...table.tBodies].flatMap((body) => [...body.rows])) {
    row.setAttribute("role", "row");
    for (const cell of row.cells) {
      cell.setAttribute("role", cell.matches("th") ? "rowheader" : "cell");
      if (columns[cell.cellIndex]) cell.dataset.label = columns[cell.cellIndex];
    }
  }
}
for (const table of document.querySelectorAll(".table--cards")) label(table);

document.querySelector("form[data-submit-at-once]")?.requestSubmit();
