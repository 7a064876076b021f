// After a delay no take is recorded until what was held up has come, and again until a new path for the sound runs.

import { Lateness } from "./lateness.js";

const SETTLE_SECONDS = 0.3; // for either

/** Feed it every block, and tell it with `renewed` when the path is a new one. */
export class Settling {
  constructor(sampleRate) {
    this.sampleRate = sampleRate;
    this.delay = 0; // samples by which the last late block was late
    this.old = false; // whether the sound still comes by the path that a delay has filled
    this.left = 0; // samples until it has settled
    this.from = -Infinity; // frame from which on the sound comes by the new path
    this.halt();
  }

  /** Whether a take may hold what comes. */
  get settled() {
    return !this.old && this.left === 0;
  }

  /** Whether the microphone's path is to be renewed now. */
  get stale() {
    return this.old && this.left === 0;
  }

  /** The sound was suspended: its clock stands still while that on the wall goes on, which is no delay. */
  halt() {
    this.lateness = new Lateness();
    this.lag = -Infinity;
  }

  push({ lag, frame }, length) {
    const late = this.lateness.push(lag, length / this.sampleRate);
    const elapsed = this.#elapsed(lag, length);
    if (late > 0) {
      this.delay = Math.round((late / 1000) * this.sampleRate);
      this.old = true;
      this.#begin();
    } else if (frame >= this.from) this.left = Math.max(0, this.left - elapsed);
  }

  /** `frame`: the microphone's, when its path was renewed. Blocks from before it may still wait to be read. */
  renewed(frame) {
    this.old = false;
    this.from = frame;
    this.#begin();
  }

  #begin() {
    this.left = SETTLE_SECONDS * this.sampleRate;
  }

  /**
   * Samples for which a block lasted on the wall, its length at most. What was held up comes in a burst, 0.3 s of it
   * within a few ms: a path that was renewed then was filled by the rest of it, and 20 ms of delay cost sound again.
   */
  #elapsed(lag, length) {
    const ahead = ((lag - this.lag) / 1000) * this.sampleRate;
    this.lag = lag;
    return Math.min(length, Math.max(0, length + ahead));
  }
}
