// Keys of the list of takes, by their place on the keyboard: they work with a Korean input method as well.

export const KEYS = { KeyJ: "next", KeyK: "back", Space: "listen", KeyA: "accept", KeyR: "return", KeyU: "clear" };

const TEXT = "input:not([type=button], [type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], summary, input, select, audio, [role=button]";

/**
 * The action that a key means, or null: not in text fields, not in an open dialog, not with a modifier or held down.
 * The space bar belongs to whatever has the focus, where that can be pressed.
 */
export function actionOf(event, { dialogOpen = false } = {}) {
  if (dialogOpen || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  const action = KEYS[event.code] ?? null;
  if (!action || event.target.matches?.(TEXT)) return null;
  if (event.repeat && action !== "next" && action !== "back") return null;
  if (action === "listen" && event.target.closest?.(PRESSABLE)) return null;
  return action;
}

/** The row to go to from `now` (-1: none yet) of `count` rows, or null at an end. */
export function step(action, now, count) {
  const target = action === "next" ? now + 1 : now < 0 ? 0 : now - 1;
  return target >= 0 && target < count ? target : null;
}
