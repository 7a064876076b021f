// Where in a row of sentences a moment lies, and what a sound looks like. Nothing here touches the page.

const BARS_A_SECOND = 20;

/** When the next sound starts: right behind the last one, or at once where that moment has passed. */
export function nextStart(now, last, lead = 0.04) {
  return Math.max(last, now + lead);
}

/** Seconds before sentence `index` begins; `lengths` in seconds. */
export function startOf(lengths, index) {
  return lengths.slice(0, index).reduce((sum, length) => sum + length, 0);
}

/** The sentence at `seconds`, and how far into it: `{index, offset}`. Behind the end: the end of the last one. */
export function locate(lengths, seconds) {
  let left = Math.max(0, seconds);
  for (let index = 0; index < lengths.length; index += 1) {
    if (left < lengths[index]) return { index, offset: left };
    left -= lengths[index];
  }
  const index = Math.max(0, lengths.length - 1);
  return { index, offset: lengths[index] ?? 0 };
}

/** Heights (0 to 1) of the bars of a sound, 20 a second. `samples`: -1..1. */
export function barsOf(samples, sampleRate) {
  const size = Math.max(1, Math.round(sampleRate / BARS_A_SECOND));
  const bars = [];
  for (let start = 0; start < samples.length; start += size) {
    let peak = 0;
    for (let at = start; at < Math.min(start + size, samples.length); at += 1) peak = Math.max(peak, Math.abs(samples[at]));
    bars.push(peak);
  }
  return bars;
}

/** As many bars as there is room for, each the highest of those it stands for. */
export function squeeze(bars, room) {
  if (bars.length <= room) return bars;
  return Array.from({ length: room }, (_, index) => {
    const from = Math.floor((index * bars.length) / room);
    const to = Math.max(from + 1, Math.floor(((index + 1) * bars.length) / room));
    return Math.max(...bars.slice(from, to));
  });
}

/** 65.4 → "1:05". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
