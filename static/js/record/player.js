// Plays one take: from memory, or from the server.

/** Samples of a canonical WAV file (44 bytes of header), as the server stores it. */
export function decodeWav(buffer) {
  const view = new DataView(buffer);
  const whole = new Int16Array(buffer.slice(44));
  const samples = new Float32Array(whole.length);
  for (let i = 0; i < whole.length; i += 1) samples[i] = whole[i] / 32768;
  return { samples, sampleRate: view.getUint32(24, true) };
}

/** Fires "change" when it starts or ends, and "time" (detail: seconds) while it plays. */
export class Player extends EventTarget {
  constructor() {
    super();
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.url = "";
    for (const kind of ["playing", "pause", "ended", "error"]) {
      this.audio.addEventListener(kind, () => this.dispatchEvent(new Event("change")));
    }
    this.audio.addEventListener("playing", () => this.#follow());
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  /** `source`: a Blob, or an address. */
  load(source) {
    this.stop();
    if (this.url.startsWith("blob:")) URL.revokeObjectURL(this.url);
    this.url = source instanceof Blob ? URL.createObjectURL(source) : source;
    this.audio.src = this.url;
  }

  /** From `start` to `end`, in seconds; all of it without. */
  async play({ start = 0, end = Infinity } = {}) {
    this.until = end;
    this.audio.currentTime = start;
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") throw error; // stopped before it began
    }
  }

  stop() {
    if (this.playing) this.audio.pause();
  }

  #follow() {
    const tell = () => {
      if (!this.playing) return;
      if (this.audio.currentTime >= this.until) {
        this.audio.pause();
        return;
      }
      this.dispatchEvent(new CustomEvent("time", { detail: this.audio.currentTime }));
      requestAnimationFrame(tell);
    };
    tell();
  }
}

