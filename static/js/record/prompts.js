// The list of sentences: how each is read, above it; a click on a word mends it.
import { post } from "../lib/http.js";
import { choicesOf, enterAt, show, walkWords } from "../lib/reading.js";
import { ReadingPopover } from "../lib/reading-popover.js";

const table = document.querySelector("[data-prompts]");
const words = { ...document.querySelector("#reading-words").dataset };
const readings = JSON.parse(document.querySelector("#prompt-readings").textContent);
const popover = new ReadingPopover(words, { choose, write });
let picked = null;

for (const line of table.querySelectorAll("[data-prompt]")) {
  render(line);
  walkWords(line);
  line.addEventListener("click", (event) => {
    const word = event.target.closest("[data-span]");
    if (word) pick(line, word);
  });
}

function render(line) {
  show(line, readings[line.dataset.prompt], words, { pick: true });
  const all = [...line.querySelectorAll("[data-span]")];
  enterAt(all, all[0], false);
}

function pick(line, word) {
  const span = readings[line.dataset.prompt].spans[word.dataset.span];
  picked = { line, span, number: word.dataset.span };
  const scopes = span.kind === "sentence" ? [] : [{ value: "", label: words.common }];
  popover.show(word, { surface: span.surface.trim(), choices: choicesOf(span), chosen: span.chosen, scopes });
}

async function choose(reading) {
  const { line, span, number } = picked;
  readings[line.dataset.prompt] = await post(line.dataset.url, { start: span.start, reading });
  render(line);
  popover.hide();
  const all = [...line.querySelectorAll("[data-span]")];
  enterAt(all, all.find((word) => word.dataset.span === number) ?? all[0]);
}

async function write(reading) {
  await post(table.dataset.dictionaryUrl, { surface: picked.span.surface.trim(), reading, speaker: null });
  await choose(null);
}
