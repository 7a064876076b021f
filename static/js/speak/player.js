// Plays sentences one behind the other without a gap, while later ones are still being made.
import { barsOf, locate, nextStart, startOf } from "./timeline.js";

const AHEAD = 2; // sentences that are scheduled before they are due

/**
 * Fires "change" (playing, paused, waiting for the next sentence, ended), "sentence" (another one is heard), "bars" (the
 * shape of one more sound is known) and "failed" (a sound could not be fetched).
 */
export class SentencePlayer extends EventTarget {
  constructor({ makeContext = () => new AudioContext(), load = fetchSound } = {}) {
    super();
    this.makeContext = makeContext;
    this.load = load;
    this.context = null;
    this.clear();
  }

  /** Forgets what it has; the next sentences belong to another text. */
  clear() {
    this.#silence();
    this.sentences = []; // {url, seconds, bars, sound: Promise<AudioBuffer> | null}
    this.complete = false;
    this.next = 0; // the sentence to schedule next
    this.offset = 0; // where in it to begin, once
    this.state = "idle"; // idle, playing, waiting, paused, ended
    this.generation = (this.generation ?? 0) + 1;
  }

  get lengths() {
    return this.sentences.map((sentence) => sentence.seconds);
  }

  get seconds() {
    return startOf(this.lengths, this.sentences.length);
  }

  get sounding() {
    return this.state === "playing" || this.state === "waiting";
  }

  /** Call it in a click: browsers let no sound out before one. */
  unlock() {
    if (!this.context) {
      this.context = this.makeContext();
      if (globalThis.navigator?.audioSession) navigator.audioSession.type = "playback";
      this.analyser = this.context.createAnalyser();
      this.analyser.connect(this.context.destination);
    }
    return this.context.resume();
  }

  add({ index, url, seconds }) {
    if (index !== this.sentences.length) return;
    this.sentences.push({ url, seconds, bars: [], sound: null });
    this.#look(index);
    if (this.sounding) this.#fill();
  }

  /** No more sentences will come. */
  finish() {
    this.complete = true;
    this.#settle();
  }

  async play(index = this.state === "ended" ? 0 : (this.position?.index ?? 0), offset = 0) {
    if (this.state === "paused" && arguments.length === 0) return this.resume();
    this.#silence();
    this.next = index;
    this.offset = offset;
    this.last = 0;
    this.#become("waiting");
    await this.unlock();
    await this.#fill();
  }

  seek(seconds) {
    const { index, offset } = locate(this.lengths, seconds);
    return this.play(index, offset);
  }

  async pause() {
    if (!this.sounding) return;
    this.#become("paused");
    await this.context.suspend();
  }

  async resume() {
    this.#become("waiting");
    await this.context.resume();
    if (this.queue.length) this.#become("playing");
    await this.#fill();
  }

  stop() {
    this.#silence();
    this.#become("ended");
  }

  /** What is heard now: `{index, offset, seconds}`; null when nothing was played yet. */
  get position() {
    if (this.state === "idle") return null;
    if (this.state === "ended") return { index: -1, offset: 0, seconds: this.seconds };
    const now = this.context?.currentTime ?? 0;
    const item = this.queue.find((each) => now < each.end) ?? null;
    if (!item) return { index: this.next, offset: this.offset, seconds: startOf(this.lengths, this.next) + this.offset };
    const offset = item.offset + Math.max(0, now - item.start);
    return { index: item.index, offset, seconds: startOf(this.lengths, item.index) + offset };
  }

  /** Loudest sample of what goes out at this moment, 0 to 1. */
  level() {
    if (!this.analyser) return 0;
    const wave = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(wave);
    return wave.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
  }

  async #fill() {
    if (this.filling) return;
    this.filling = true;
    const generation = this.generation;
    try {
      while (this.sounding && this.queue.length < AHEAD && this.next < this.sentences.length) {
        const index = this.next;
        const turn = this.turn;
        const sound = await this.#sound(index);
        if (generation !== this.generation) break;
        if (turn !== this.turn || !this.sounding) continue;
        this.#schedule(index, sound);
      }
    } catch (error) {
      if (generation === this.generation) this.#fail(error);
    } finally {
      this.filling = false;
    }
    if (generation !== this.generation) this.#fill(); // another text came in the meantime
    else this.#settle();
  }

  #schedule(index, sound) {
    const source = this.context.createBufferSource();
    source.buffer = sound;
    source.connect(this.analyser);
    const start = nextStart(this.context.currentTime, this.last);
    const offset = this.offset;
    const item = { index, source, start, offset, end: start + sound.duration - offset };
    source.onended = () => this.#leave(item);
    source.start(start, offset);
    this.queue.push(item);
    this.last = item.end;
    this.next = index + 1;
    this.offset = 0;
    if (this.queue.length === 1) this.#tell("sentence", index);
    if (this.state === "waiting") this.#become("playing");
  }

  #leave(item) {
    if (!this.queue.includes(item)) return;
    this.queue = this.queue.filter((each) => each !== item);
    this.sentences[item.index].sound = null; // a long text is not kept in memory as sound
    if (this.queue.length) this.#tell("sentence", this.queue[0].index);
    this.#fill();
  }

  #settle() {
    if (!this.sounding || this.queue.length || this.filling) return;
    if (this.next < this.sentences.length) return;
    if (!this.complete) this.#become("waiting");
    else {
      this.#become("ended");
      this.context?.suspend();
    }
  }

  #sound(index) {
    const sentence = this.sentences[index];
    sentence.sound ??= this.load(sentence.url, this.context);
    sentence.sound.catch(() => (sentence.sound = null));
    return sentence.sound;
  }

  /** The shape of a sound, for the waveform; it needs no click. */
  async #look(index) {
    const generation = this.generation;
    const sentence = this.sentences[index];
    try {
      const sound = await (this.context ? this.#sound(index) : this.load(sentence.url, new OfflineAudioContext(1, 1, 22050)));
      if (generation !== this.generation) return;
      if (index > this.next + AHEAD) sentence.sound = null;
      sentence.bars = barsOf(sound.getChannelData(0), sound.sampleRate);
      this.#tell("bars", index);
    } catch {
      // The waveform is an ornament; playing it will say what is wrong.
    }
  }

  #silence() {
    this.turn = (this.turn ?? 0) + 1;
    for (const item of this.queue ?? []) {
      item.source.onended = null;
      item.source.stop();
    }
    this.queue = [];
  }

  #fail(error) {
    this.#silence();
    this.#become("ended");
    this.#tell("failed", error);
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.#tell("change", state);
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

async function fetchSound(url, context) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return context.decodeAudioData(await response.arrayBuffer());
}
