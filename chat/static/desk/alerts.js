/* What calls an agent who looks elsewhere: sounds, notifications, the title of the tab. */

import { pageTitle } from "./format.js";

const RING_EVERY_MS = 2_500;
const RING = [
  [660, 0],
  [880, 0.18],
];
const DING = [[740, 0]];

export class Alerts {
  #audio = null;
  #ringing = null;
  #leads = false;
  #dialog = document.getElementById("alerts-dialog");

  constructor() {
    // Of several tabs one makes the noise.
    navigator.locks?.request("switchboard-desk-sound", () => {
      this.#leads = true;
      return new Promise(() => {});
    });
    document.getElementById("alerts-enable").addEventListener("click", () => this.#enable());
    // A browser lets a page sound only after the person has touched it, each time anew.
    if (setting("alerts") === "on")
      addEventListener("pointerdown", () => this.#unlock(), { once: true });
    const volume = document.getElementById("volume");
    volume.value = setting("volume") ?? volume.value;
    volume.addEventListener("change", () => {
      keep("volume", volume.value);
      this.#play(DING);
    });
    this.#show();
  }

  get areOn() {
    return setting("alerts") === "on" || setting("alerts") === "later";
  }

  /** Ring until nothing rings any more. */
  ring(count, { company = "" } = {}) {
    if (count && !this.#ringing) {
      this.#play(RING);
      this.#ringing = setInterval(() => this.#play(RING), RING_EVERY_MS);
      this.#notify("ring", "New chat", company ? `For ${company}` : "", true);
    } else if (!count) {
      clearInterval(this.#ringing);
      this.#ringing = null;
    }
  }

  /** Somebody wrote. Never what: a screen may be seen by others. */
  message(key, { name, company }) {
    this.#play(DING);
    this.#notify(key, `${name} wrote`, company, false);
  }

  title(counts) {
    document.title = pageTitle(counts);
    const badge = counts.ringing + counts.unread;
    if (badge) navigator.setAppBadge?.(badge).catch(() => {});
    else navigator.clearAppBadge?.().catch(() => {});
  }

  async #enable() {
    this.#unlock();
    this.#play(RING);
    keep("alerts", "on");
    if ("Notification" in window && Notification.permission === "default")
      await Notification.requestPermission();
    this.#show();
  }

  #unlock() {
    this.#audio ??= new AudioContext();
    this.#audio.resume();
  }

  #show() {
    const say = (name, kind, words) => {
      const badge = this.#dialog.querySelector(`[data-field="${name}"]`);
      badge.textContent = words;
      badge.className = `badge badge--${kind}`;
    };
    if (setting("alerts") === "on") say("sound-state", "ok", "Sound: on");
    else say("sound-state", "info", "Sound: not tried");
    const permission = "Notification" in window ? Notification.permission : "denied";
    if (permission === "granted") say("notification-state", "ok", "Notifications: on");
    else if (permission === "denied")
      say("notification-state", "warn", "Notifications: blocked. Allow them by the address bar.");
    else say("notification-state", "info", "Notifications: not asked");
  }

  #play(tones) {
    if (!this.#leads || this.#audio?.state !== "running") return;
    const loudness = (Number(setting("volume") ?? 60) / 100) * 0.25;
    for (const [frequency, after] of tones) {
      const start = this.#audio.currentTime + after;
      const tone = new OscillatorNode(this.#audio, { frequency, type: "sine" });
      const gain = new GainNode(this.#audio, { gain: 0 });
      gain.gain.linearRampToValueAtTime(loudness, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
      tone.connect(gain).connect(this.#audio.destination);
      tone.start(start);
      tone.stop(start + 0.4);
    }
  }

  #notify(tag, title, body, requireInteraction) {
    if (!document.hidden || !this.#leads) return;
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const shown = new Notification(title, { tag, body, requireInteraction });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  }
}

/** Settings of this browser, nothing about anybody's chats; storage may be refused. */
export function setting(name) {
  try {
    return localStorage.getItem(`desk:${name}`);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`desk:${name}`, value);
  } catch {}
}
