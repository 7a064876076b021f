// From blocks of the microphone to one take: a little before the key was pressed, a little after, and nothing missing.

import { holes } from "./holes.js";
import { Settling } from "./settling.js";

export const PRE_SECONDS = 0.5;
export const POST_SECONDS = 0.4;
export const MAX_SECONDS = 29.5; // the server takes 30
const ZERO_SECONDS = 0.25; // a live microphone is never digitally silent for so long; the server refuses it as well

/** Joins arrays of floats into one. */
export function join(blocks) {
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

/** Longest run of exact zeros, in samples; `run`: length of the one that was going on before. */
export function zeroRun(samples, run = 0) {
  let longest = run;
  for (const sample of samples) {
    run = sample === 0 ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return { longest, run };
}

/**
 * Collects a take. Feed it every block with `push`, also between takes: the last 500 ms are always at hand.
 * `push` answers "going", "done" (post-roll is in: call `finish`) or "full" (30 s) while a take is being recorded.
 */
export class TakeBuffer {
  constructor(sampleRate, { pre = PRE_SECONDS, post = POST_SECONDS, max = MAX_SECONDS } = {}) {
    this.sampleRate = sampleRate;
    this.preSamples = Math.round(pre * sampleRate);
    this.postSamples = Math.round(post * sampleRate);
    this.maxSamples = Math.round(max * sampleRate);
    this.ring = [];
    this.ringLength = 0;
    this.take = null;
    this.settling = new Settling(sampleRate);
  }

  get recording() {
    return this.take !== null;
  }

  /** Whether the microphone's path is to be renewed now; tell `renewed` of it. */
  get stale() {
    return this.settling.stale;
  }

  /** The microphone's path is a new one from this frame on. */
  renewed(frame) {
    this.settling.renewed(frame);
  }

  /** Begins a take with what the ring holds. */
  start() {
    const before = join(this.ring).slice(-this.preSamples);
    this.take = { blocks: [before], length: before.length, stopAt: null, faults: new Map(), zeros: 0 };
  }

  /** The person has finished: the take ends after the post-roll. */
  stop() {
    if (this.take && this.take.stopAt === null) this.take.stopAt = this.take.length + this.postSamples;
  }

  /** Voids the take that is being recorded: "late", "gap" (in samples), "ended", "muted", "suspended", "frozen", "device". */
  fault(code, value = 0) {
    this.take?.faults.set(code, (this.take.faults.get(code) ?? 0) + value);
  }

  /** One block of the worklet. Look at `stale` afterwards. */
  push({ samples, frame = 0, gap = 0, empty = 0, lag = 0 }) {
    this.settling.push({ lag, frame }, samples.length);
    const { settled, delay } = this.settling;
    if (settled) this.#remember(samples, gap + empty > 0);
    else this.#forget();
    const take = this.take;
    if (!take) return "idle";
    if (!settled && !take.faults.has("late")) this.fault("late", delay);
    if (gap + empty > 0) this.fault("gap", gap + empty);
    const { longest, run } = zeroRun(samples, take.zeros);
    take.zeros = run;
    if (longest > ZERO_SECONDS * this.sampleRate) this.fault("zeros", 0);
    take.blocks.push(samples);
    take.length += samples.length;
    if (take.stopAt !== null && take.length >= take.stopAt) return "done";
    return take.length >= this.maxSamples ? "full" : "going";
  }

  /** Ends the take: its samples, and what was wrong with it ([{code, value}], value in samples for a gap or a delay). */
  finish() {
    const { blocks, length, stopAt, faults } = this.take;
    this.take = null;
    const samples = join(blocks).slice(0, stopAt === null ? this.maxSamples : Math.min(stopAt, length));
    const missing = holes(samples, this.sampleRate);
    if (missing > 0) faults.set("gap", (faults.get("gap") ?? 0) + missing);
    return { samples, faults: [...faults].map(([code, value]) => ({ code, value })) };
  }

  /** The sound was suspended: its clock stands still while that on the wall goes on, which is no delay. */
  halt() {
    this.settling.halt();
    this.#forget();
  }

  /** Throws away the take that is being recorded. */
  cancel() {
    this.take = null;
  }

  /** A pre-roll with a hole in it would be a lie. */
  #forget() {
    this.ring = [];
    this.ringLength = 0;
  }

  #remember(samples, broken) {
    if (broken) this.#forget();
    this.ring.push(samples);
    this.ringLength += samples.length;
    while (this.ringLength - this.ring[0].length >= this.preSamples) this.ringLength -= this.ring.shift().length;
  }
}
