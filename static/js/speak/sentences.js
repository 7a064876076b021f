// The sentences of an utterance, as they come: each can be played from, and says what is wrong with it.
import { show } from "./reading.js";
import { clock } from "./timeline.js";

const POOR_COVERAGE = 0.8; // below it, words are likely to be missing

export class SentenceList {
  constructor(element, words, play) {
    this.element = element;
    this.words = words;
    this.play = play;
    this.clear();
  }

  clear() {
    this.items = [];
    this.total = 0;
    this.element.replaceChildren();
  }

  /** `total` sentences are to come; one line says that the next is being made. */
  expect(total) {
    this.total = total;
    this.#showPending();
  }

  add(sentence) {
    if (sentence.index < this.items.length) return;
    const item = document.createElement("li");
    item.className = "sentence";
    item.append(this.#button(sentence), ...this.#warnings(sentence));
    this.items.push(item);
    this.element.append(item);
    this.#showPending();
  }

  end() {
    this.total = 0;
    this.#showPending();
  }

  /** Marks the sentence that is heard; -1 for none. */
  point(index) {
    this.items.forEach((item, at) => {
      item.toggleAttribute("data-current", at === index);
      const button = item.firstElementChild;
      if (at === index) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      item.querySelector(".mark").textContent = at === index ? "♪" : "▷";
    });
  }

  #button(sentence) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = this.words.playSentence.replace("{number}", sentence.index + 1);
    const mark = span("mark", "▷");
    mark.setAttribute("aria-hidden", "true");
    const text = span("text", "");
    text.lang = "ko";
    show(text, sentence.reading.spans ? sentence.reading : { text: sentence.text }, this.words);
    button.append(mark, text, span("length number", clock(sentence.seconds)));
    button.addEventListener("click", () => this.play(sentence.index));
    return button;
  }

  #warnings({ reached_limit: reachedLimit, coverage }) {
    const words = reachedLimit ? this.words.reachedLimit : coverage < POOR_COVERAGE ? this.words.poor : "";
    if (!words) return [];
    const warning = document.createElement("p");
    warning.className = "notice warn";
    warning.textContent = words;
    return [warning];
  }

  #showPending() {
    this.pending?.remove();
    if (this.items.length >= this.total) return;
    this.pending = document.createElement("li");
    this.pending.className = "sentence pending";
    this.pending.textContent = this.words.makingShort.replace("{done}", this.items.length + 1).replace("{total}", this.total);
    this.element.append(this.pending);
  }
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
