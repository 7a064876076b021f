// Draws the sound: what comes in now, a take as it grows, and a finished take with the place that is being played.

const COLUMN = 3; // CSS pixels of one bar with its gap

/** Peaks of `samples` in `count` equal parts. */
export function peaksOf(samples, count) {
  const peaks = new Float32Array(count);
  for (let i = 0; i < count; i += 1) {
    const end = Math.floor(((i + 1) * samples.length) / count);
    for (let j = Math.floor((i * samples.length) / count); j < end; j += 1) {
      const size = Math.abs(samples[j]);
      if (size > peaks[i]) peaks[i] = size;
    }
  }
  return peaks;
}

/** Height of a bar, 0..1, of a linear amplitude: bent upwards, so that a soft voice is seen as well. */
export function barHeight(amplitude) {
  return Math.min(1, amplitude) ** 0.45;
}

export class Waveform {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.live = []; // peaks of blocks, newest last
    this.take = null; // {samples, seconds, start, end} of a finished take
    this.played = null; // seconds
    this.recording = false;
    this.colours = {};
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#resize());
    this.#resize();
  }

  /** A block has come in. */
  feed(peak) {
    this.live.push(peak);
    if (this.live.length > 2048) this.live.splice(0, 1024);
  }

  /** Begins to show a take from its first sound on. */
  begin() {
    this.recording = true;
    this.take = null;
    this.live = [];
  }

  /** Shows a finished take; `start` and `end` are the seconds between which speech was found. */
  show(samples, sampleRate) {
    this.recording = false;
    this.take = { samples, seconds: samples.length / sampleRate, start: null, end: null };
    this.peaks = null;
    this.draw();
  }

  mark(start, end) {
    if (!this.take) return;
    Object.assign(this.take, { start, end });
    this.draw();
  }

  clear() {
    this.recording = false;
    this.take = null;
    this.live = [];
    this.draw();
  }

  draw() {
    const { width, height } = this.canvas;
    this.context.clearRect(0, 0, width, height);
    if (this.take) this.#drawTake();
    else this.#drawLive();
  }

  #drawLive() {
    const count = this.columns;
    const bars = this.live.slice(-count);
    const colour = this.recording ? this.colours.record : this.colours.quiet;
    bars.forEach((peak, i) => this.#bar(this.recording ? i : count - bars.length + i, peak, colour));
    if (!bars.length) for (let i = 0; i < count; i += 1) this.#bar(i, 0, this.colours.quiet);
  }

  #drawTake() {
    const { samples, seconds, start, end } = this.take;
    if (this.peaks?.length !== this.columns) this.peaks = peaksOf(samples, this.columns);
    this.peaks.forEach((peak, i) => {
      const time = ((i + 0.5) / this.columns) * seconds;
      const inside = start === null || (time >= start && time <= end);
      const played = this.played !== null && time <= this.played;
      this.#bar(i, peak, played ? this.colours.accent : inside ? this.colours.ink : this.colours.quiet);
    });
  }

  #bar(column, peak, colour) {
    const { height } = this.canvas;
    const size = Math.max(2 * this.ratio, barHeight(peak) * height * 0.92);
    this.context.fillStyle = colour;
    this.context.fillRect(column * COLUMN * this.ratio, (height - size) / 2, (COLUMN - 1) * this.ratio, size);
  }

  #resize() {
    this.ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.round(this.canvas.clientWidth * this.ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * this.ratio);
    this.columns = Math.max(1, Math.floor(this.canvas.clientWidth / COLUMN));
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = {
      ink: colour("--ink"),
      quiet: colour("--line-strong"),
      record: colour("--record"),
      accent: colour("--accent"),
    };
    this.peaks = null;
    this.draw();
  }
}
