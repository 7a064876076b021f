// Keys of the recording room, by their place on the keyboard: they work with a Korean input method as well.

export const DEFAULTS = {
  record: "Space",
  keep: "Enter",
  listen: "KeyL",
  again: "KeyR",
  back: "ArrowLeft",
  next: "ArrowRight",
  list: "KeyF",
  skip: "KeyS",
  undo: "KeyZ",
  "hands-free": "KeyH",
};

const STORED = "moksori.keys"; // what a person changed, for this browser
const SAME = { NumpadEnter: "Enter" };
const MODIFIERS = /^(Shift|Control|Alt|Meta|OS)(Left|Right)$|^(CapsLock|NumLock|ScrollLock|Fn|FnLock)$/;
const RESERVED = /^(Escape|Tab|F\d+|ContextMenu|PrintScreen|Pause|Power|Sleep|WakeUp|Lang\d|Convert|NonConvert|KanaMode|Unidentified|Browser.*|Audio.*|Media.*|Launch.*|)$/;
const SIGNS = {
  Enter: "↵", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Backspace: "⌫", Delete: "Del", Minus: "-", Equal: "=",
  BracketLeft: "[", BracketRight: "]", Backslash: "\\", Semicolon: ";", Quote: "'", Backquote: "`", Comma: ",", Period: ".", Slash: "/",
};

const TEXT = "input:not([type=button], [type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], summary, input, select, audio, [role=button]";

/** What is printed on a key; `words` has "Space". */
export function keyLabel(code, words = {}) {
  const plain = /^(?:Key|Digit)(.)$/.exec(code)?.[1] ?? code.replace(/^Numpad/, "Num ");
  return words[code] ?? SIGNS[code] ?? plain;
}

/** True while only a modifier is held: the key itself is still to come. */
export function isModifier(code) {
  return MODIFIERS.test(code);
}

/** Which key does what. `storage` (localStorage) keeps what differs from the defaults; without one nothing is kept. */
export class KeyMap {
  constructor(storage = null) {
    this.storage = storage;
    this.codes = { ...DEFAULTS };
    const codes = { ...DEFAULTS, ...this.#stored() };
    const free = Object.values(codes).every((code) => typeof code === "string" && !RESERVED.test(code));
    if (free && new Set(Object.values(codes)).size === Object.keys(codes).length) this.codes = codes;
  }

  /** The action of a key, or null. */
  actionOf(code) {
    const wanted = SAME[code] ?? code;
    return Object.keys(this.codes).find((action) => this.codes[action] === wanted) ?? null;
  }

  /** Gives an action another key; null, or why not: {reason: "reserved"} or {reason: "conflict", action}. */
  set(action, pressed) {
    const code = SAME[pressed] ?? pressed;
    const other = this.actionOf(code);
    if (other === action) return null;
    if (RESERVED.test(code) || MODIFIERS.test(code)) return { reason: "reserved" };
    if (other) return { reason: "conflict", action: other };
    this.codes[action] = code;
    this.#keep();
    return null;
  }

  reset() {
    this.codes = { ...DEFAULTS };
    this.#keep();
  }

  #stored() {
    try {
      const stored = JSON.parse(this.storage?.getItem(STORED) ?? "{}") ?? {};
      return Object.fromEntries(Object.entries(stored).filter(([action]) => action in DEFAULTS));
    } catch {
      return {}; // a browser that keeps nothing, or something else under this name
    }
  }

  #keep() {
    const changed = Object.entries(this.codes).filter(([action, code]) => DEFAULTS[action] !== code);
    try {
      if (changed.length) this.storage?.setItem(STORED, JSON.stringify(Object.fromEntries(changed)));
      else this.storage?.removeItem(STORED);
    } catch {
      // they hold until the page is left
    }
  }
}

const STANDARD = new KeyMap();

/**
 * The action that a key means, or null: not in text fields, not in an open dialog, not with a modifier or held down.
 * Space and Enter belong to whatever has the focus, where that can be pressed, unless it is the record button.
 */
export function actionOf(event, { dialogOpen = false, keys = STANDARD } = {}) {
  if (dialogOpen || event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return null;
  const action = keys.actionOf(event.code);
  const target = event.target;
  if (!action) return null;
  if (target.closest?.("dialog:not([open])")) return action; // just closed: the focus leaves it with the next frame
  if (target.matches?.(TEXT)) return null;
  const presses = ["Space", "Enter"].includes(SAME[event.code] ?? event.code);
  if (presses && target.closest?.(PRESSABLE) && !target.closest("[data-do=record]")) return null;
  return action;
}
