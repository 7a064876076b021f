// How a sentence is read, as marked-up text: <ruby> where the reading is not what stands there.

const NOT_WORDS = new Set(["space", "punctuation"]);

/**
 * The parts of a reading, in order: `{text, above, guess, leftOut, word}`. `above` is what belongs over the text, ""
 * where it is read as it stands; `word`: it can be read otherwise. `sounded`: show the pronunciation too, not only
 * numbers and foreign words.
 */
export function parts(reading, { sounded = false } = {}) {
  const gone = (span) => (reading.left_out ?? []).some((left) => left.start <= span.start && span.end <= left.end);
  return (reading.spans ?? []).map((span) => {
    const said = sounded ? span.pronunciation : span.reading;
    const plain = said === span.surface || said === "" || isPlain(span.surface, said);
    return {
      text: span.surface,
      above: plain ? "" : said,
      guess: Boolean(span.guessed),
      leftOut: gone(span),
      word: !NOT_WORDS.has(span.kind) && span.surface.trim() !== "",
    };
  });
}

/** Whether the two differ in spaces and marks only: nothing that needs to be said above the text. */
export function isPlain(surface, said) {
  const bare = (text) => text.normalize("NFC").replace(/[^\p{L}\p{N}]/gu, "");
  return bare(surface) === bare(said);
}

/** The readings of several sentences at once: is there anything guessed, anything left out? */
export function notesOf(readings) {
  const all = readings.flatMap((reading) => parts(reading));
  return { guess: all.some((part) => part.guess), leftOut: all.some((part) => part.leftOut) };
}

/** The readings to choose from for a span, the one at hand first; `known`: others that were offered before. */
export function choicesOf(span, known = []) {
  return [...new Set([span.reading.trim(), ...(span.alternatives ?? []), ...known])].filter(Boolean);
}

/**
 * Puts a reading into `element`. `words`: {guess, leftOut}, told to those who do not see the mark. `pick`: each word is
 * a button, whose `data-span` is the number of its span; one of them is in the order of Tab, arrows go to the others.
 */
export function show(element, reading, words, { pick = false, ...options } = {}) {
  element.replaceChildren(
    ...parts(reading, options).map((part, index) => (pick && part.word ? button(part, words, index) : node(part, words))),
  );
  if (!element.hasChildNodes()) element.textContent = reading.text ?? "";
}

/** Keys among the words of a text that `show` made buttons of: arrows, Enter and the space bar. */
export function walkWords(container) {
  container.addEventListener("keydown", (event) => {
    const word = event.target.closest("[data-span]");
    if (!word || event.ctrlKey || event.metaKey || event.altKey) return;
    const words = [...container.querySelectorAll("[data-span]")];
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) enterAt(words, words[words.indexOf(word) + step]);
    else if (event.key === "Enter" || event.key === " ") word.click();
    else return;
    event.preventDefault();
  });
  container.addEventListener("focusin", (event) => {
    const word = event.target.closest("[data-span]");
    if (word) enterAt([...container.querySelectorAll("[data-span]")], word, false);
  });
}

/** The word that Tab comes to; with `focus` it goes there now. */
export function enterAt(words, word, focus = true) {
  if (!word) return;
  for (const other of words) other.tabIndex = other === word ? 0 : -1;
  if (focus) word.focus();
}

function button(part, words, index) {
  const outer = document.createElement("span");
  outer.className = "pick";
  outer.setAttribute("role", "button");
  outer.setAttribute("aria-haspopup", "dialog");
  outer.tabIndex = -1;
  outer.dataset.span = index;
  outer.append(node(part, words));
  return outer;
}

function node(part, words) {
  if (!part.above && !part.leftOut && !part.guess) return document.createTextNode(part.text);
  const outer = document.createElement(part.above ? "ruby" : "span");
  outer.append(part.text);
  if (part.above) {
    outer.className = "read";
    const above = document.createElement("rt");
    above.textContent = part.above;
    outer.append(above);
  }
  if (part.guess) mark(outer, "guess", words.guess);
  if (part.leftOut) mark(outer, "left-out", words.leftOut);
  return outer;
}

function mark(element, name, title) {
  element.classList.add(name);
  element.title = title;
}
