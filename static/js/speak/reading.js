// How a sentence is read, as marked-up text: <ruby> where the reading is not what stands there.

/**
 * The parts of a reading, in order: `{text, above, guess, leftOut, alternatives}`. `above` is what belongs over the
 * text, "" where it is read as it stands. `sounded`: show the pronunciation too, not only numbers and foreign words.
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
      alternatives: span.alternatives ?? [],
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

/** Puts a reading into `element`. `words`: {guess, leftOut}, told to those who do not see the mark. */
export function show(element, reading, words, options = {}) {
  element.replaceChildren(...parts(reading, options).map((part) => node(part, words)));
  if (!element.hasChildNodes()) element.textContent = reading.text ?? "";
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
