// The dialog in which a person gives actions other keys; and the keys where they are shown, on the buttons.

import { browserStorage } from "../lib/kept.js";
import { DEFAULTS, isModifier, keyLabel, KeyMap } from "./keys.js";
import { fill } from "./view.js";

export class KeyDialog {
  /** `words`: {names: by action, labels: of keys, conflict, reserved, waiting, changed}. */
  constructor({ root, dialog, words }) {
    this.root = root;
    this.dialog = dialog;
    this.words = words;
    this.keys = new KeyMap(browserStorage());
    this.waiting = null; // the action whose new key is to be pressed
    this.say = dialog.querySelector("[data-part=keys-say]");
    this.list = dialog.querySelector("[data-part=keys-list]");
    dialog.addEventListener("keydown", (event) => this.#pressed(event));
    dialog.addEventListener("cancel", (event) => this.waiting && event.preventDefault());
    dialog.addEventListener("close", () => this.#wait(null));
    dialog.addEventListener("click", (event) => this.#clicked(event));
    this.#build();
    this.refresh();
  }

  show() {
    this.say.textContent = "";
    this.dialog.showModal();
  }

  /** Writes every key where it is shown. */
  refresh() {
    for (const key of this.root.querySelectorAll("kbd[data-key]")) {
      key.textContent = keyLabel(this.keys.codes[key.dataset.key], this.words.labels);
    }
  }

  #build() {
    const template = this.root.querySelector("template[data-key-row]");
    const rows = Object.keys(DEFAULTS).map((action) => {
      const row = template.content.firstElementChild.cloneNode(true);
      const button = row.querySelector("button");
      row.querySelector("[data-field=name]").textContent = this.words.names[action];
      row.querySelector("kbd").dataset.key = action;
      button.dataset.action = action;
      button.setAttribute("aria-label", fill(this.words.change, { action: this.words.names[action] }));
      return row;
    });
    this.list.replaceChildren(...rows);
  }

  #clicked(event) {
    const button = event.target.closest("[data-action], [data-keys-reset]");
    if (!button) return;
    if (button.dataset.action) this.#wait(this.waiting === button.dataset.action ? null : button.dataset.action);
    else {
      this.#wait(null);
      this.keys.reset();
      this.refresh();
      this.say.textContent = this.words.restored;
    }
  }

  #wait(action) {
    this.waiting = action;
    for (const button of this.list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.action === action));
    }
    this.say.textContent = action ? fill(this.words.waiting, { action: this.words.names[action] }) : "";
  }

  #pressed(event) {
    if (!this.waiting || isModifier(event.code)) return;
    event.preventDefault();
    event.stopPropagation();
    const { waiting: action, words } = this;
    this.#wait(null);
    if (event.code === "Escape") return;
    const held = event.ctrlKey || event.metaKey || event.altKey;
    const refusal = held ? { reason: "reserved" } : this.keys.set(action, event.code);
    const values = { key: keyLabel(event.code, words.labels), action: words.names[refusal?.action ?? action] };
    this.say.textContent = fill(refusal ? words[refusal.reason] : words.changed, values);
    this.refresh();
  }
}
