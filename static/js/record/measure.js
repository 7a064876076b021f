// Measures of a take, as speech/quality.py takes them (but for loudness): what the page can say before the server does.

const SILENCE_DBFS = -96;
const CLIPPED_AT = 0.999;
const CLIPPED_RUN = 3; // samples
const FRAME_SECONDS = 0.01; // hop of the level track; a frame of it spans two hops
const MARGIN_FRAMES = 3;
const ROOM_FRAMES = 10;

const toDb = (power) => (power > 0 ? Math.max(SILENCE_DBFS, 10 * Math.log10(power)) : SILENCE_DBFS);
const toPower = (dbfs) => 10 ** (dbfs / 10);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The value below which a `share` of the values lies, between the two nearest ones. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

/** Level in dBFS of frames of 20 ms every 10 ms; `hop` in samples. The wave less its `offset`. */
export function levelTrack(samples, sampleRate, offset = 0) {
  const hop = Math.max(1, Math.round(FRAME_SECONDS * sampleRate));
  const blocks = Math.floor(samples.length / hop);
  const power = (from, to) => {
    let sum = 0;
    for (let i = from; i < to; i += 1) sum += (samples[i] - offset) ** 2;
    return sum / (to - from);
  };
  if (blocks < 2) return { dbfs: [toDb(power(0, samples.length))], hop };
  const squares = Array.from({ length: blocks }, (_, i) => power(i * hop, (i + 1) * hop));
  return { dbfs: squares.slice(1).map((square, i) => toDb((squares[i] + square) / 2)), hop };
}

/** Where speech starts and ends, in samples, and which frames have it: two thresholds, the edges followed outwards. */
export function findSpeech({ dbfs, hop }, floor, length) {
  const loudest = quantile(dbfs, 0.95);
  const high = Math.max(floor + Math.min(12, Math.max(4, (loudest - floor) / 2)), loudest - 45);
  const low = high > floor + 5 ? Math.max(floor + 5, Math.min(high, loudest - 55)) : high;
  const cores = runs(dbfs.map((level) => level > high)).filter(([from, to]) => to - from >= 4);
  const speaking = new Array(dbfs.length).fill(false);
  if (loudest < -70 || !cores.length) return { start: 0, end: 0, speaking };
  for (const [from, to] of cores) speaking.fill(true, from, to);
  let first = cores[0][0];
  let last = cores.at(-1)[1] - 1;
  while (first > 0 && dbfs[first - 1] > low) first -= 1;
  while (last < dbfs.length - 1 && dbfs[last + 1] > low) last += 1;
  return { start: first === 0 ? 0 : (first + 1) * hop, end: last === dbfs.length - 1 ? length : (last + 1) * hop, speaking };
}

/** Level of the room: the median frame beside speech, or the quietest frames where there is too little of that. */
export function noiseFloor(track, length) {
  const { dbfs, hop } = track;
  const heard = dbfs.filter((level) => level > SILENCE_DBFS);
  if (heard.length < 0.9 * dbfs.length) return SILENCE_DBFS;
  const quietest = [...heard].sort((a, b) => a - b).slice(0, Math.max(4, Math.floor(heard.length / 50)));
  const rough = toDb(mean(quietest.map(toPower)));
  const { start, end, speaking } = findSpeech(track, rough, length);
  if (!speaking.includes(true)) return quantile(heard, 0.5);
  const beside = [...dbfs.slice(0, Math.max(0, Math.floor(start / hop) - MARGIN_FRAMES)), ...dbfs.slice(Math.floor(end / hop) + MARGIN_FRAMES)];
  const room = beside.filter((level) => level > SILENCE_DBFS);
  return room.length >= ROOM_FRAMES ? quantile(room, 0.5) : rough;
}

/** Runs of true: [start, end) each. */
function runs(mask) {
  const found = [];
  for (let start = 0; start < mask.length; start += 1) {
    if (!mask[start]) continue;
    let end = start;
    while (end < mask.length && mask[end]) end += 1;
    found.push([start, end]);
    start = end;
  }
  return found;
}

/** How often at least `least` samples in a row hold `is`, and the longest such run. */
function count(samples, is, least) {
  let number = 0;
  let longest = 0;
  let run = 0;
  for (const sample of samples) {
    run = is(sample) ? run + 1 : 0;
    if (run === least) number += 1;
    if (run > longest) longest = run;
  }
  return { number, longest };
}

/** The measures that the verdict's rules ask for; `samples`: Float32Array in -1..1. Names and units are the server's. */
export function measureTake(samples, sampleRate) {
  const { length } = samples;
  let peak = 0;
  let sum = 0;
  for (const sample of samples) {
    peak = Math.max(peak, Math.abs(sample));
    sum += sample;
  }
  const offset = sum / length;
  const track = levelTrack(samples, sampleRate, offset);
  const floor = noiseFloor(track, length);
  const { start, end, speaking } = findSpeech(track, floor, length);
  const spoken = track.dbfs.filter((_, i) => speaking[i]).map(toPower);
  const level = spoken.length ? toDb(mean(spoken)) : SILENCE_DBFS;
  return {
    seconds: length / sampleRate,
    peak_dbfs: toDb(peak ** 2),
    rms_dbfs: level,
    noise_floor_dbfs: floor,
    snr_db: Math.max(0, level - floor),
    clipped_runs: count(samples, (sample) => Math.abs(sample) >= CLIPPED_AT, CLIPPED_RUN).number,
    speech_start: start / sampleRate,
    speech_end: end / sampleRate,
    speech_seconds: (spoken.length * track.hop) / sampleRate,
    lead_seconds: start / sampleRate,
    tail_seconds: (length - end) / sampleRate,
    longest_zero_run_seconds: count(samples, (sample) => sample === 0, 1).longest / sampleRate,
    dc_offset: offset,
  };
}

const BROKEN = {
  below: (value, limit) => value < limit,
  above: (value, limit) => value > limit,
  from: (value, limit) => value >= limit,
  off: (value, limit) => Math.abs(value) > limit,
};

/** The verdict by the server's `rules` ({code, level, measure, beyond, limit}); measures that are not there break none. */
export function judgeTake(measures, rules) {
  const found = new Map();
  for (const { code, level, measure, beyond, limit } of rules) {
    const value = measures[measure];
    if (value === undefined || found.has(code) || !BROKEN[beyond](value, limit)) continue;
    found.set(code, { code, level, value: beyond === "off" ? Math.abs(value) : value, limit });
    if (code === "silent") break; // without speech the other measures mean nothing
  }
  if (found.has("clipped")) found.delete("too_loud");
  const reasons = [...found.values()].sort((a, b) => (a.level === "warned") - (b.level === "warned"));
  return { level: reasons[0]?.level ?? "good", reasons };
}

/** The verdict in words, as the server says it: `words` has levels, and reasons with {value} and {limit}. */
export function inWords(verdict, words) {
  const number = (value) => (Math.abs(value) < 1 ? value.toFixed(2) : value.toFixed(0));
  const fill = (text, { value, limit }) => text.replace("{value}", number(value)).replace("{limit}", limit);
  const reasons = verdict.reasons.map((reason) => {
    const { words: what = reason.code, advice = "" } = words.reasons[reason.code] ?? {};
    return { ...reason, words: fill(what, reason), advice: fill(advice, reason) };
  });
  return { level: verdict.level, words: words.levels[verdict.level], reasons };
}
