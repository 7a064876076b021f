// The sitting: one person at one microphone, across the pages of a tab. Its room tone belongs to its takes.

const KEY = "moksori.sitting";
const IDLE_MS = 3 * 3600 * 1000; // after so long without a page somebody sits down anew

/** The id of this tab's sitting; a new one after three hours without a page, and where the browser keeps nothing. */
export function sittingId(now = Date.now(), storage = globalThis.sessionStorage) {
  const made = globalThis.crypto.randomUUID?.() ?? "";
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "null");
    const id = kept && now - kept.at < IDLE_MS && now >= kept.at ? kept.id : made;
    storage.setItem(KEY, JSON.stringify({ id, at: now }));
    return id;
  } catch {
    return made;
  }
}
