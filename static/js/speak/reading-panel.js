// How the text at hand will be read, and the choices that a person makes for it at its words.
import { post } from "../lib/http.js";
import { choicesOf, enterAt, notesOf, show, walkWords } from "../lib/reading.js";
import { ReadingPopover } from "../lib/reading-popover.js";

/** Those choices whose word still stands in `text`. */
export function choicesIn(text, choices) {
  return Object.fromEntries(Object.entries(choices).filter(([word]) => text.includes(word)));
}

export class ReadingPanel {
  /** `room`: the <speak-room>, with its parts in `data-…`. `words`: of `#speak-words`. */
  constructor(room, words) {
    Object.assign(this, { room, words });
    this.box = room.find("reading-text");
    this.voice = room.form.elements.voice;
    this.text = "";
    this.choices = {}; // {word: reading}, chosen for the text at hand
    this.readings = [];
    this.offered = new Map(); // word → all readings that were seen of it
    this.popoverWords = { ...document.querySelector("#reading-words").dataset };
    this.popover = new ReadingPopover(this.popoverWords, {
      choose: (reading) => this.#choose(reading),
      write: room.dataset.dictionaryUrl ? (reading, scope) => this.#write(reading, scope) : null,
    });
    walkWords(this.box);
    this.box.addEventListener("click", (event) => {
      const word = event.target.closest("[data-span]");
      if (word) this.#pick(word);
    });
    room.find("sounded").addEventListener("change", () => this.#show());
  }

  /** The text has changed, and what stands here is of the one before. */
  outdated() {
    this.box.classList.add("stale");
  }

  clear() {
    this.readings = [];
    this.#show();
  }

  /** Asks how `text` is read, and shows it. Throws Refusal; AbortError where a newer text was asked for. */
  async read(text, choices = this.choices) {
    this.asked?.abort();
    this.asked = new AbortController();
    const kept = choicesIn(text, choices);
    let sentences = [];
    if (text.trim()) {
      const body = { text, voice: this.voice.value, dictionary: kept };
      ({ sentences } = await post(this.room.dataset.readUrl, body, { signal: this.asked.signal }));
      this.choices = kept; // an emptied box keeps them, for a text that was only cut out to be put back
    }
    Object.assign(this, { text, readings: sentences });
    this.#show();
  }

  #show() {
    const sounded = this.room.find("sounded").checked;
    this.box.classList.remove("stale");
    this.box.replaceChildren(
      ...this.readings.map((reading) => {
        const line = document.createElement("p");
        show(line, reading, this.words, { sounded, pick: true });
        return line;
      }),
    );
    const [first] = this.#pickable;
    enterAt(this.#pickable, first, false);
    this.room.find("reading").hidden = this.readings.length === 0;
    const notes = notesOf(this.readings);
    const note = this.room.find("reading-note");
    note.textContent = [notes.guess && this.words.guessNote, notes.leftOut && this.words.leftOutNote].filter(Boolean).join(" ");
    note.hidden = note.textContent === "";
  }

  get #pickable() {
    return [...this.box.querySelectorAll("[data-span]")];
  }

  #pick(word) {
    const line = [...this.box.children].indexOf(word.parentElement);
    const span = this.readings[line].spans[word.dataset.span];
    const surface = span.surface.trim();
    const choices = choicesOf(span, this.offered.get(surface));
    this.offered.set(surface, choices);
    this.picked = { surface, at: this.#pickable.indexOf(word) };
    this.popover.show(word, { surface, choices, chosen: surface in this.choices, scopes: this.#scopes() });
  }

  /** The dictionaries that a word can be written into: the common one, and that of the voice's speaker. */
  #scopes() {
    const { speaker, speakerLabel } = this.voice.selectedOptions[0].dataset;
    const common = { value: "", label: this.popoverWords.common };
    return speaker ? [common, { value: speaker, label: speakerLabel }] : [common];
  }

  /** Reads the picked word so in this text; null: as nobody chose. */
  async #choose(reading) {
    const { [this.picked.surface]: _before, ...choices } = this.choices;
    if (reading !== null) choices[this.picked.surface] = reading;
    await this.read(this.text, choices);
    this.popover.hide();
    const words = this.#pickable;
    enterAt(words, words[Math.min(this.picked.at, words.length - 1)]);
  }

  async #write(reading, scope) {
    await post(this.room.dataset.dictionaryUrl, { surface: this.picked.surface, reading, speaker: scope || null });
    await this.#choose(null);
  }
}
