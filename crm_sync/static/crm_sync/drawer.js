// Opens one delivery beside the log. Without it, the same link opens a page.

const drawer = document.createElement("dialog");
drawer.className = "dialog drawer";
drawer.setAttribute("aria-labelledby", "drawer-title");

const head = document.createElement("div");
head.className = "dialog__head";
const title = document.createElement("h2");
title.id = "drawer-title";
title.textContent = "Delivery";
const close = document.createElement("button");
close.type = "button";
close.className = "button button--quiet";
close.textContent = "Close";
close.addEventListener("click", () => drawer.close());
head.append(title, close);

const body = document.createElement("div");
body.className = "dialog__body";
drawer.append(head, body);
document.body.append(drawer);

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-drawer]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  try {
    const answer = await fetch(`${link.href}?part`, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    // Our own server's page part, escaped there; the policy runs no script in it.
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    body.replaceChildren(...part.body.childNodes);
    drawer.showModal();
  } catch {
    location.assign(link.href);
  }
});

drawer.addEventListener("click", (event) => {
  if (event.target === drawer) drawer.close();
});
