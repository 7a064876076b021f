// Measures WAV files as the recording page does: `node measure-file.mjs RULES.json A.wav …` → a JSON line each.
import { readFileSync } from "node:fs";

import { holes } from "../../static/js/record/holes.js";
import { judgeTake, measureTake } from "../../static/js/record/measure.js";
import { decodeWav } from "../../static/js/record/player.js";

const [rules, ...files] = process.argv.slice(2);
for (const file of files) {
  const bytes = readFileSync(file);
  const { samples, sampleRate } = decodeWav(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const measures = measureTake(samples, sampleRate);
  const verdict = judgeTake(measures, JSON.parse(readFileSync(rules, "utf8")));
  process.stdout.write(`${JSON.stringify({ measures, verdict, holes: holes(samples, sampleRate) })}\n`);
}
