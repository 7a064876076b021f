// What a browser remembers between pages.

/** Where settings of this browser are kept, or null in one that keeps nothing. */
export function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
