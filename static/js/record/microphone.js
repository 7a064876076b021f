// One microphone, kept open: raw samples at the device's own rate, nothing done to them by the browser.

import { zeroRun } from "./take.js";

const RATES = [16000, 22050, 24000, 32000, 44100, 48000, 96000]; // what the server takes
export const PROCESSING = ["echoCancellation", "noiseSuppression", "autoGainControl"];
const WARM_SECONDS = 0.4; // fake and real devices begin with gaps and silence
const WARM_LIMIT_MS = 6000;
const RESUME_LIMIT_MS = 3000; // a context that may not run leaves its promise open for ever

/** A failure to open the microphone: `code` is a key of the page's failure words. */
export class MicrophoneError extends Error {
  constructor(code, params = {}) {
    super(code);
    this.name = "MicrophoneError";
    this.code = code;
    this.params = params;
  }
}

/** Which browser this is, as far as the words of help differ. */
export function browserName(agent = navigator.userAgent) {
  if (/Firefox\/|FxiOS\//.test(agent)) return "firefox";
  if (/Chrom(e|ium)\/|CriOS\//.test(agent)) return "chrome";
  if (/Safari\//.test(agent)) return "safari";
  return "";
}

/** The failure word of an error that getUserMedia threw. */
export function failureCode(error, agent) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") {
    if (/system/i.test(error.message)) return "denied.system";
    if (/dismissed/i.test(error.message)) return "dismissed";
    const name = browserName(agent);
    return name ? `denied.${name}` : "denied";
  }
  if (["NotFoundError", "NotReadableError", "OverconstrainedError", "AbortError"].includes(error.name)) return error.name;
  return "other";
}

/** The words for a failure: those for this browser, else those for all; `{name}` takes the error's params. */
export function failureWords(failures, error, agent = navigator.userAgent) {
  const code = error.code ?? "other";
  const words = failures[`${code}.${browserName(agent)}`] ?? failures[code] ?? failures.other;
  const params = { name: error.message, ...error.params };
  return words.replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
}

/** What the browser must not do to the sound, but says that it does. */
export function processingOn(settings) {
  return PROCESSING.filter((name) => settings[name] && settings[name] !== "none");
}

/**
 * Fires "block" (detail: {samples, gap, empty}) for ever, "fault" (detail: code) when the sound can no longer be
 * trusted, "suspended" and "resumed" when the browser halts it, "ended" when it is gone.
 */
export class Microphone extends EventTarget {
  static async open({ workletUrl, deviceId = "" }) {
    if (!globalThis.isSecureContext) throw new MicrophoneError("insecure");
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) throw new MicrophoneError("unsupported");
    // The context first: it is made in the click, before anything waits, or Safari keeps it suspended.
    const context = new AudioContext({ latencyHint: "interactive" });
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          echoCancellation: false,
          noiseSuppression: false,
          autoGainControl: false,
          channelCount: { ideal: 1 },
          ...(deviceId && { deviceId: { exact: deviceId } }),
        },
      });
    } catch (error) {
      context.close();
      throw new MicrophoneError(failureCode(error, navigator.userAgent), { name: error.name });
    }
    const microphone = new Microphone(context, stream);
    try {
      await microphone.#begin(workletUrl);
    } catch (error) {
      microphone.close();
      throw error;
    }
    return microphone;
  }

  constructor(context, stream) {
    super();
    this.context = context;
    this.stream = stream;
    this.track = stream.getAudioTracks()[0];
    this.closed = false;
  }

  get sampleRate() {
    return this.context.sampleRate;
  }

  get label() {
    return this.track.label;
  }

  get deviceId() {
    return this.track.getSettings().deviceId ?? "";
  }

  get running() {
    return this.context.state === "running";
  }

  /** What the track answers of itself, for the sitting's record. */
  settings() {
    const { deviceId, groupId, ...rest } = this.track.getSettings();
    return { ...rest, contextRate: this.context.sampleRate };
  }

  /** To be called in a click. */
  resume() {
    return this.context.resume();
  }

  /**
   * Takes the sound by a new path. After a delay the old one stays as full as it got, and every later one, however
   * short, overflows it: 10 ms were lost so in the middle of a take a second after the page had been halted.
   * Answers the frame at which it was done.
   */
  renew() {
    if (!this.closed) {
      this.source.disconnect();
      this.source = this.context.createMediaStreamSource(this.stream);
      this.source.connect(this.node);
    }
    return Math.ceil(this.context.currentTime * this.sampleRate);
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    for (const track of this.stream.getTracks()) track.stop();
    this.context.close();
  }

  async #begin(workletUrl) {
    const settings = this.track.getSettings();
    const on = processingOn(settings);
    if (on.length) throw new MicrophoneError("processing", { names: on.join(", "), settings });
    if (!RATES.includes(this.sampleRate)) throw new MicrophoneError("bad_rate", { rate: this.sampleRate });
    try {
      await this.context.audioWorklet.addModule(workletUrl);
    } catch {
      throw new MicrophoneError("worklet");
    }
    this.source = this.context.createMediaStreamSource(this.stream);
    this.node = new AudioWorkletNode(this.context, "capture", {
      numberOfInputs: 1,
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      channelInterpretation: "speakers",
    });
    this.node.addEventListener("processorerror", () => this.#tell("fault", "gap"));
    this.source.connect(this.node);
    await this.#run();
    await this.#warm();
    this.node.port.onmessage = ({ data }) => this.#tell("block", data);
    this.#watch();
  }

  /** Lets the context run, or says that the browser does not let it. */
  async #run() {
    const tooLong = new Promise((resolve) => setTimeout(resolve, RESUME_LIMIT_MS));
    await Promise.race([this.context.resume(), tooLong]);
    if (!this.running) throw new MicrophoneError("suspended");
  }

  /** Waits for a stretch of sound without a gap: what comes before it is judged by nobody. */
  #warm() {
    return new Promise((resolve, reject) => {
      let heard = 0;
      let zeros = 0;
      const timer = setTimeout(() => reject(new MicrophoneError("no_sound")), WARM_LIMIT_MS);
      this.node.port.onmessage = ({ data }) => {
        zeros = zeroRun(data.samples, zeros).run;
        const silent = zeros >= data.samples.length;
        heard = data.gap || data.empty || silent ? 0 : heard + data.samples.length;
        if (heard >= WARM_SECONDS * this.sampleRate) {
          clearTimeout(timer);
          resolve();
        }
      };
    });
  }

  #watch() {
    this.track.addEventListener("ended", () => {
      this.#tell("fault", "ended");
      this.#tell("ended");
    });
    this.track.addEventListener("mute", () => this.#tell("fault", "muted"));
    this.track.addEventListener("unmute", () => this.#tell("resumed"));
    this.context.addEventListener("statechange", () => {
      if (this.closed) return;
      if (this.running) this.#tell("resumed");
      else {
        this.#tell("fault", "suspended");
        this.#tell("suspended");
      }
    });
  }

  #tell(kind, detail = null) {
    if (!this.closed) this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

const DEVICE_KEY = "moksori.microphone"; // which microphone this browser used last

export function rememberedDevice() {
  try {
    return localStorage.getItem(DEVICE_KEY) ?? "";
  } catch {
    return "";
  }
}

export function rememberDevice(deviceId) {
  try {
    localStorage.setItem(DEVICE_KEY, deviceId);
  } catch {
    // a browser that keeps nothing: the default microphone next time
  }
}

/** Microphones that can be chosen; names are empty until the permission is given. */
export async function microphones() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "communications");
}
