// The little window at a word: what else it could be, one's own reading, and the dictionary.
import { Refusal } from "./http.js";

const MARGIN = 8; // px to the window's edge

/**
 * One popover for a page. `words`: the data of `#reading-words`. `choose(reading)` and `write(reading, scope)` do it and
 * may throw a Refusal, whose sentence is shown; null for `choose`: as it was before anybody chose.
 */
export class ReadingPopover {
  constructor(words, { choose, write = null }) {
    Object.assign(this, { words, choose, write });
    this.element = document.createElement("div");
    this.element.className = "reading-popover panel stack tight";
    this.element.popover = "auto";
    this.element.setAttribute("role", "dialog");
    this.element.addEventListener("toggle", (event) => {
      if (event.newState === "closed" && !this.open) this.anchor?.removeAttribute("data-open");
    });
    document.body.append(this.element);
  }

  get open() {
    return this.element.matches(":popover-open");
  }

  /**
   * At `anchor`, for `surface`. `choices`: readings, the one at hand first; `chosen`: the person chose it here;
   * `scopes`: `{value, label}` of the dictionaries that it can be written into.
   */
  show(anchor, { surface, choices, chosen = false, scopes = [] }) {
    if (this.open) this.element.hidePopover();
    Object.assign(this, { anchor, surface, choices });
    this.element.setAttribute("aria-label", this.words.title.replace("{word}", surface));
    this.fault = make("p", { className: "error", role: "alert", hidden: true });
    const parts = [this.#title(), this.#choices(), this.#own(scopes)];
    if (chosen) parts.push(this.#undo());
    this.element.replaceChildren(...parts, this.fault);
    anchor.setAttribute("data-open", "");
    this.element.showPopover();
    this.#place();
    this.element.querySelector("button").focus();
  }

  hide() {
    if (this.open) this.element.hidePopover();
  }

  #title() {
    return make("p", { className: "reading-popover-title", lang: "ko", textContent: this.surface });
  }

  #choices() {
    const group = make("div", { className: "cluster reading-choices", role: "group", lang: "ko" });
    group.setAttribute("aria-label", this.words.choices);
    this.choices.forEach((reading, index) => {
      const button = make("button", { type: "button", className: "button small", textContent: reading });
      button.setAttribute("aria-pressed", String(index === 0));
      button.addEventListener("click", () => (index === 0 ? this.hide() : this.#do(() => this.choose(reading))));
      group.append(button);
    });
    return group;
  }

  /** One's own reading: for this text, or into a dictionary. */
  #own(scopes) {
    const form = make("form", { className: "stack tight" });
    const label = make("label", { className: "small", htmlFor: "own-reading", textContent: this.words.own });
    this.input = make("input", { id: "own-reading", className: "input", lang: "ko", maxLength: 300, autocomplete: "off" });
    this.input.value = this.choices[0] ?? "";
    const line = make("div", { className: "cluster own-reading" });
    line.append(this.input, make("button", { className: "button small primary", textContent: this.words.readSo }));
    form.append(label, line);
    if (this.write && scopes.length) form.append(this.#dictionary(scopes));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const reading = this.input.value.trim();
      if (reading === this.choices[0]) this.hide();
      else if (reading) this.#do(() => this.choose(reading));
    });
    return form;
  }

  #dictionary(scopes) {
    const select = make("select", { className: "input scope" });
    select.setAttribute("aria-label", this.words.scope);
    select.append(...scopes.map(({ value, label }) => make("option", { value, textContent: label })));
    const button = make("button", { type: "button", className: "button small", textContent: this.words.write });
    button.dataset.write = "";
    button.addEventListener("click", () => this.#do(() => this.write(this.input.value.trim(), select.value)));
    const line = make("div", { className: "cluster own-dictionary" });
    line.append(select, button);
    return line;
  }

  #undo() {
    const button = make("button", { type: "button", className: "button small quiet", textContent: this.words.undo });
    button.dataset.undo = "";
    button.addEventListener("click", () => this.#do(() => this.choose(null)));
    return button;
  }

  async #do(what) {
    this.element.inert = true;
    try {
      await what();
      this.hide();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.fault.textContent = error.message || this.words.broken;
      this.fault.hidden = false;
      this.#place();
    } finally {
      this.element.inert = false;
    }
    if (this.open) this.input.focus();
  }

  /** Under the word, or over it where there is more room; never out of the window. */
  #place() {
    const word = this.anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.max(MARGIN, Math.min(word.left, document.body.clientWidth - width - MARGIN));
    const below = word.bottom + 4;
    const fits = below + height + MARGIN <= innerHeight || word.top < innerHeight - word.bottom;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${Math.max(MARGIN, fits ? below : word.top - height - 4)}px`;
  }
}

function make(name, { role, ...properties }) {
  const element = Object.assign(document.createElement(name), properties);
  if (role) element.setAttribute("role", role);
  return element;
}
