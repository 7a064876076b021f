// The sitting: one person at one microphone, across the pages of a tab. Its room tone belongs to its takes.

import { person } from "../lib/http.js";

const KEY = "moksori.sitting";
const IDLE_MS = 3 * 3600 * 1000; // after so long without a page somebody sits down anew

/**
 * The id of this tab's sitting; a new one after three hours without a page, where the browser keeps nothing, and for
 * whoever takes the chair in between.
 */
export function sittingId(now = Date.now(), storage = globalThis.sessionStorage, whose = person()) {
  const made = globalThis.crypto.randomUUID?.() ?? "";
  const key = `${KEY}.${whose}`;
  try {
    const kept = JSON.parse(storage.getItem(key) ?? "null");
    const id = kept && now - kept.at < IDLE_MS && now >= kept.at ? kept.id : made;
    storage.setItem(key, JSON.stringify({ id, at: now }));
    return id;
  } catch {
    return made;
  }
}
