// Whether the audio thread came so late that sound was lost on its way to us, which no count of frames shows.

const WINDOW_SECONDS = 0.25; // longer than any device's buffer: what is usual within one is the device's own rhythm
const WINDOWS = 40; // ten seconds: clocks of sound card and computer drift apart by less than a millisecond in that

// Between microphone and page Chromium keeps a few buffers and throws away what does not fit. Its process halted by us
// for 50 ms (46 ms late here) lost nothing, for 70 ms (62 late) 10 ms; at a load of 7 on two cores others were 0-10 late.
const LIMIT_MS = 40;

/** Feed it every block's `lag`: by how many ms the wall clock is ahead of the frames, the block's worst. */
export class Lateness {
  constructor() {
    this.#learn();
  }

  /** Milliseconds that this block came too late, 0 where that can have cost nothing; then it learns anew. */
  push(lag, seconds) {
    const late = this.windows.length ? lag - Math.min(...this.windows) : 0;
    if (late >= LIMIT_MS) {
      this.#learn();
      return late;
    }
    this.worst = Math.max(this.worst, lag);
    this.filled += seconds;
    if (this.filled >= WINDOW_SECONDS) {
      this.windows = [...this.windows, this.worst].slice(-WINDOWS);
      this.#begin();
    }
    return 0;
  }

  #learn() {
    this.windows = []; // the worst lag of each: the smallest of them is what this device needs
    this.#begin();
  }

  #begin() {
    this.worst = -Infinity;
    this.filled = 0;
  }
}
