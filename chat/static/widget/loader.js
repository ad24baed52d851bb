/* The one script on a company's website: a launcher, and on the first touch the chat's frame.
   It speaks to our host only, writes nothing before the visitor opens the chat, and sets styles by
   CSSOM, so a strict content security policy needs two entries: script-src and frame-src. */
(() => {
  "use strict";
  const config = __CONFIG__;
  const MARK = "data-switchboard";
  const OPEN_KEY = "switchboard-open";
  const SVG = "http://www.w3.org/2000/svg";
  const root = document.documentElement;
  // Embedded twice, or run again by a page that swaps its body: one launcher.
  if (root.querySelector(`[${MARK}=host]`)) return;

  const css = `
    :host { all: initial; }
    button, iframe { position: fixed; z-index: 2147483000; border: 0; margin: 0; ${config.side}: 20px; }
    button {
      bottom: 20px; display: flex; align-items: center; gap: 10px; min-width: 60px; height: 60px;
      padding: 0 22px 0 18px; border-radius: 30px; cursor: pointer;
      background: ${config.fill}; color: ${config.on};
      font: 600 16px/1 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
      box-shadow: 0 0 0 1px #0000001a, 0 6px 22px #00000038;
      transition: transform 150ms, box-shadow 150ms;
    }
    button:hover { transform: translateY(-2px); box-shadow: 0 0 0 1px #0000001a, 0 10px 28px #0000004d; }
    button:focus-visible { outline: 3px solid #fff; outline-offset: 0; box-shadow: 0 0 0 6px #0b3d91; }
    button[aria-expanded=true] { padding: 0 18px; }
    button[aria-expanded=true] .label { display: none; }
    svg { width: 24px; height: 24px; flex: none; }
    .count {
      position: absolute; top: -4px; right: -4px; min-width: 22px; height: 22px; padding: 0 6px;
      box-sizing: border-box; border: 2px solid #fff; border-radius: 11px; background: #b3261e;
      color: #fff; font-size: 12px; line-height: 18px; text-align: center;
    }
    .count:empty { display: none; }
    iframe {
      bottom: 94px; width: 384px; height: min(660px, calc(100dvh - 114px)); border-radius: 18px;
      background: transparent; color-scheme: light dark; visibility: hidden; opacity: 0;
      transform: translateY(12px); transition: opacity 160ms, transform 160ms;
      box-shadow: 0 0 0 1px #0000001f, 0 18px 60px #00000047;
    }
    iframe.shown { visibility: visible; opacity: 1; transform: none; }
    :host([hidden]) { display: none; }
    @media (max-width: 480px), (max-height: 480px) {
      button { padding: 0 18px; }
      .label { display: none; }
      iframe { inset: 0; width: 100%; height: 100dvh; border-radius: 0; box-shadow: none; }
      iframe.shown + button { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
    @media (forced-colors: active) { button { border: 2px solid ButtonText; } }
    @media print { * { display: none !important; } }`;

  const host = document.createElement("div");
  host.setAttribute(MARK, "host");
  const shadow = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  shadow.adoptedStyleSheets = [sheet];

  const shape = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const icon = shape("svg", { viewBox: "0 0 24 24", fill: "none", "aria-hidden": "true" });
  const line = shape("path", {
    stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round",
  });
  icon.append(line);
  const span = (className, text) => {
    const element = document.createElement("span");
    element.className = className;
    element.textContent = text;
    return element;
  };
  const count = span("count", "");
  const button = document.createElement("button");
  button.type = "button";
  button.append(icon, span("label", config.label), count);
  shadow.append(button);

  let frame = null;
  let open = false;
  let ready = false;
  let unread = 0;
  let scroll = null;

  const remember = (value) => {
    try {
      if (value === undefined) return sessionStorage.getItem(OPEN_KEY) === "1";
      if (value) sessionStorage.setItem(OPEN_KEY, "1");
      else sessionStorage.removeItem(OPEN_KEY);
    } catch {
      // A website may forbid storage; then the chat is closed again on the next page.
    }
    return false;
  };

  const tell = (type, extra) => {
    if (ready) frame.contentWindow.postMessage({ switchboard: 1, type, ...extra }, config.origin);
  };
  const tellPage = () => {
    if (!config.page) return;
    tell("page", { url: location.href, title: document.title, referrer: document.referrer });
  };

  const load = () => {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = config.title;
    frame.allow = "clipboard-write";
    frame.src = `${config.origin}/widget/?origin=${encodeURIComponent(location.origin)}`;
    // Where the frame may not speak (this website is not allowed), what it shows says why.
    frame.addEventListener("load", draw);
    button.before(frame);
  };

  const draw = () => {
    const shown = open && Boolean(frame);
    frame?.classList.toggle("shown", shown);
    button.setAttribute("aria-expanded", String(open));
    const news = unread ? `, ${unread} unread` : "";
    button.setAttribute("aria-label", open ? "Close the chat" : config.label + news);
    count.textContent = !open && unread ? String(Math.min(unread, 99)) : "";
    line.setAttribute(
      "d",
      open
        ? "M6 9.5l6 6 6-6"
        : "M12 3.5c4.97 0 9 3.36 9 7.5s-4.03 7.5-9 7.5c-.9 0-1.77-.11-2.59-.31L5 20.5l.9-3.7"
          + "C4.1 15.4 3 13.3 3 11c0-4.14 4.03-7.5 9-7.5zM8.2 11h.01M12 11h.01M15.8 11h.01",
    );
    // Behind a chat that fills the screen the page must not scroll.
    const full = shown && matchMedia("(max-width: 480px), (max-height: 480px)").matches;
    if (full && scroll === null) {
      scroll = root.style.overflow;
      root.style.overflow = "hidden";
    } else if (!full && scroll !== null) {
      root.style.overflow = scroll;
      scroll = null;
    }
  };

  const toggle = (value, { focus = true } = {}) => {
    open = value;
    if (open) load();
    remember(open);
    draw();
    tell(open ? "shown" : "hidden");
    if (!focus) return;
    if (open) frame.focus();
    else button.focus();
  };

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== config.origin) return;
    const { switchboard, type, value } = event.data ?? {};
    if (switchboard !== 1) return;
    if (type === "ready") {
      ready = true;
      tellPage();
      tell(open ? "shown" : "hidden");
      draw();
    } else if (type === "close") {
      toggle(false);
    } else if (type === "unread") {
      unread = value;
      draw();
    }
  });
  button.addEventListener("click", () => toggle(!open));
  // The frame is fetched when a hand comes near, so that it is there when it is asked for.
  button.addEventListener("pointerenter", load);
  button.addEventListener("focus", load);
  addEventListener("click", (event) => {
    if (event.target.closest?.(`[${MARK}=open]`)) {
      event.preventDefault();
      toggle(true);
    }
  });
  globalThis.navigation?.addEventListener("navigatesuccess", tellPage);

  const start = () => {
    root.append(host);
    draw();
    if (remember()) toggle(true, { focus: false });
  };
  const hide = (wait) => {
    host.hidden = true;
    // Timers hold 24 days at most; who opens later is opened by the next page view.
    if (wait !== null && wait < 2 ** 31) setTimeout(() => { host.hidden = false; }, wait);
  };
  if (config.hidden) hide(config.opens_in);
  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
})();
