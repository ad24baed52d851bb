// Runs before the first paint, so that a chosen theme does not flash. Storage may be refused.
(() => {
  const root = document.documentElement;
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-set-theme]"))
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === (theme || "system")));
  };
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {}
  apply(theme);
  addEventListener("DOMContentLoaded", () => apply(theme));
  addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-set-theme]");
    if (!button) return;
    theme = button.dataset.setTheme === "system" ? null : button.dataset.setTheme;
    try {
      if (theme) localStorage.setItem("theme", theme);
      else localStorage.removeItem("theme");
    } catch {}
    apply(theme);
  });
})();
