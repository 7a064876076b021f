// Keys of the recording room, by their place on the keyboard: they work with a Korean input method as well.

export const KEYS = {
  Space: "record",
  Enter: "keep",
  NumpadEnter: "keep",
  KeyL: "listen",
  KeyR: "again",
  KeyS: "skip",
  KeyZ: "undo",
  ArrowLeft: "back",
  ArrowRight: "next",
};

const TEXT = "input:not([type=button], [type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], summary, input, select, audio, [role=button]";

/**
 * The action that a key means, or null: not in text fields, not in an open dialog, not with a modifier or held down.
 * Space and Enter belong to whatever has the focus, where that can be pressed, unless it is the record button.
 */
export function actionOf(event, { dialogOpen = false } = {}) {
  if (dialogOpen || event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return null;
  const action = KEYS[event.code] ?? null;
  const target = event.target;
  if (!action || target.matches?.(TEXT)) return null;
  const presses = action === "record" || action === "keep";
  if (presses && target.closest?.(PRESSABLE) && !target.closest("[data-do=record]")) return null;
  return action;
}
