/* What an agent was writing, kept for each conversation until it is sent or they sign out. It lives
 * in this tab alone and in memory where storage is refused. */

const PREFIX = "draft:";

export class Drafts {
  #storage;
  #memory = new Map();

  constructor(storage) {
    this.#storage = storage;
  }

  /** The draft {text, note} of a conversation. */
  read(key) {
    if (this.#memory.has(key)) return this.#memory.get(key);
    try {
      const kept = this.#storage?.getItem(PREFIX + key);
      if (kept) return JSON.parse(kept);
    } catch {}
    return { text: "", note: false };
  }

  write(key, draft) {
    if (!draft.text) return this.drop(key);
    this.#memory.set(key, draft);
    try {
      this.#storage?.setItem(PREFIX + key, JSON.stringify(draft));
    } catch {}
  }

  drop(key) {
    this.#memory.delete(key);
    try {
      this.#storage?.removeItem(PREFIX + key);
    } catch {}
  }

  /** Forget every draft: the person signs out, or another one signed in. */
  clear() {
    for (const key of this.#memory.keys()) this.drop(key);
    try {
      for (const name of Object.keys(this.#storage ?? {}))
        if (name.startsWith(PREFIX)) this.#storage.removeItem(name);
    } catch {}
    this.#memory.clear();
  }
}
