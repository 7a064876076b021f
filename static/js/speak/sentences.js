// The sentences of an utterance, as they come: each can be played from, and says what is wrong with it.
import { show } from "../lib/reading.js";

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
    this.pending = [];
    this.element.replaceChildren();
  }

  /** The sentences that are to come: they stand there in grey until they can be heard. */
  expect(texts) {
    for (const text of texts.slice(this.items.length + this.pending.length)) {
      const item = document.createElement("li");
      item.className = "sentence pending";
      item.textContent = text;
      item.lang = "ko";
      this.pending.push(item);
      this.element.append(item);
    }
  }

  add(sentence) {
    if (sentence.index < this.items.length) return;
    const item = document.createElement("li");
    item.className = "sentence";
    item.append(this.#button(sentence), ...this.#warnings(sentence));
    this.items.push(item);
    const expected = this.pending.shift();
    if (expected) expected.replaceWith(item);
    else this.element.append(item);
  }

  /** No more will come: what was to be spoken and was not, goes. */
  end() {
    for (const item of this.pending) item.remove();
    this.pending = [];
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
    button.append(mark, text, span("length number", this.words.seconds.replace("{seconds}", sentence.seconds.toFixed(1))));
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
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
