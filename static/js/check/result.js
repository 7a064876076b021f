// What a test sentence and a track's settings say, in figures and codes; the page has the words.

import { measure, toDbfs, zone } from "../record/levels.js";
import { PROCESSING, processingOn } from "../record/microphone.js";

const CLIPPED_AT = 0.999; // of full scale; three samples in a row, as speech.quality has it
const CLIPPED_RUN = 3;

/** "off", "on" or "unknown" for each of the browser's three ways to change the sound. */
export function processingOf(settings) {
  const on = processingOn(settings);
  return Object.fromEntries(
    PROCESSING.map((name) => [name, on.includes(name) ? "on" : settings[name] === undefined ? "unknown" : "off"]),
  );
}

/** Whether the wave stays at full scale for three samples. */
export function clipped(samples) {
  let run = 0;
  for (const sample of samples) {
    run = Math.abs(sample) >= CLIPPED_AT ? run + 1 : 0;
    if (run >= CLIPPED_RUN) return true;
  }
  return false;
}

/** Peak and RMS in dBFS, seconds, and the zone of the peak. */
export function resultOf(samples, sampleRate) {
  const { peak, rms } = measure(samples);
  const peakDbfs = toDbfs(peak);
  return {
    peak: peakDbfs,
    rms: toDbfs(rms),
    seconds: samples.length / sampleRate,
    zone: clipped(samples) ? "clipping" : zone(peakDbfs) === "clipping" ? "loud" : zone(peakDbfs),
  };
}
