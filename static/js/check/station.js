// One microphone on a page before the first take: opened, metered, recorded from; every failure in words.

import { keepAwake } from "../record/awake.js";
import { Ballistics, measure, toDbfs, zone } from "../record/levels.js";
import { failureWords, Microphone, microphones, rememberDevice, rememberedDevice } from "../record/microphone.js";
import { POST_SECONDS, PRE_SECONDS, TakeBuffer } from "../record/take.js";
import { decibels, fill } from "../record/view.js";

const SILENT_MS = 1500; // no block for so long: the tab or the device was frozen
const NUMBERS_MS = 150;
const SHORTEST_SECONDS = 0.3;

/** The page's words, and its parts and buttons by name. */
export function partsOf(root) {
  const parts = {};
  for (const part of root.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
  for (const button of root.querySelectorAll("[data-do]")) parts[button.dataset.do] = button;
  return parts;
}

/**
 * Fires "state" (detail: off, opening, ready, recording, finishing, suspended), "opened", "taken" (detail: {samples,
 * sampleRate}), "grows" (detail: seconds), "void" (detail: {code, words}) and "failed" (detail: the error). Shows meter,
 * numbers, device list and notices in `parts`. Holes up to `forgives` seconds in all do not void a recording.
 */
export class Station extends EventTarget {
  constructor({ parts, words, workletUrl, seconds = {}, forgives = 0 }) {
    super();
    Object.assign(this, { parts, words, workletUrl, seconds, forgives });
    this.microphone = null;
    this.state = "off";
    this.meter = new Ballistics();
    this.fresh();
    document.addEventListener("freeze", () => this.fault("frozen"));
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#devicesChanged());
    parts.device?.addEventListener("change", () => this.open(parts.device.value));
    if (!globalThis.isSecureContext) this.failed({ code: "insecure" }); // known before anyone clicks
    requestAnimationFrame((now) => this.#paint(now));
  }

  /** To be called in a click. */
  async open(deviceId = rememberedDevice()) {
    if (this.state === "suspended") return this.#resume();
    this.close();
    this.go("opening");
    this.notice("");
    try {
      this.microphone = await Microphone.open({ workletUrl: this.workletUrl, deviceId });
    } catch (error) {
      this.go("off");
      if (error.code === "OverconstrainedError" && deviceId) {
        rememberDevice("");
        return this.open("");
      }
      this.failed(error);
      return undefined;
    }
    this.#attend(this.microphone);
    keepAwake(true);
    rememberDevice(this.microphone.deviceId);
    await this.#devices();
    this.go("ready");
    this.dispatchEvent(new Event("opened"));
    return undefined;
  }

  close() {
    this.microphone?.close();
    this.microphone = null;
    keepAwake(false);
    this.fresh();
    this.go("off");
  }

  start() {
    if (this.state !== "ready") return;
    this.buffer.start();
    this.go("recording");
  }

  stop() {
    if (this.state !== "recording") return;
    this.buffer.stop();
    this.go("finishing");
  }

  fault(code) {
    if (!this.buffer?.recording) return;
    this.buffer.fault(code);
    this.#finish();
  }

  failed(error) {
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    this.notice(failureWords(this.words.failures, error), error.code);
  }

  notice(words, code = "") {
    this.parts.notice.hidden = !words;
    this.parts.notice.textContent = words;
    this.parts.notice.dataset.code = code;
  }

  go(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  /** Nothing was heard yet. */
  fresh() {
    this.buffer = null;
    this.peak = 0;
    this.power = 0;
    this.blocks = 0;
  }

  #attend(microphone) {
    this.buffer = new TakeBuffer(microphone.sampleRate, this.seconds);
    this.heardAt = performance.now();
    microphone.addEventListener("block", ({ detail }) => this.#block(detail));
    microphone.addEventListener("fault", ({ detail }) => this.fault(detail));
    microphone.addEventListener("suspended", () => {
      this.buffer.halt();
      this.go("suspended");
      this.failed({ code: "suspended" });
    });
    microphone.addEventListener("resumed", () => {
      if (this.state !== "suspended") return;
      this.notice("");
      this.go("ready");
    });
    microphone.addEventListener("ended", () => {
      this.close();
      this.notice(this.words.voids.ended, "ended");
    });
  }

  async #resume() {
    await this.microphone.resume();
  }

  #block(block) {
    this.heardAt = performance.now();
    const { peak, rms } = measure(block.samples);
    this.peak = Math.max(this.peak, peak);
    this.power += rms * rms;
    this.blocks += 1;
    const state = this.buffer.push(block);
    if (this.buffer.stale) this.buffer.renewed(this.microphone.renew());
    if (state === "done") this.#finish();
    else if (state === "full") this.fault("long");
    else if (state === "going") {
      if (this.#unforgiven([...this.buffer.take.faults].map(([code, value]) => ({ code, value }))).length) this.#finish();
      else this.dispatchEvent(new CustomEvent("grows", { detail: this.buffer.take.length / this.microphone.sampleRate }));
    }
  }

  #finish() {
    const { sampleRate } = this.microphone;
    const { samples, faults: all } = this.buffer.finish();
    const faults = this.#unforgiven(all);
    const { pre = PRE_SECONDS, post = POST_SECONDS } = this.seconds;
    if (!faults.length && samples.length / sampleRate - pre - post < SHORTEST_SECONDS) faults.push({ code: "short", value: 0 });
    if (this.microphone.running) this.go("ready");
    const [fault] = faults;
    if (!fault) {
      this.dispatchEvent(new CustomEvent("taken", { detail: { samples, sampleRate } }));
      return;
    }
    const ms = Math.max(1, Math.round(((fault.value ?? 0) / sampleRate) * 1000));
    const words = fill(this.words.voids[fault.code], { ms });
    this.dispatchEvent(new CustomEvent("void", { detail: { code: fault.code, words: `${this.words.voids.title}. ${words}` } }));
  }

  /** Faults that void a recording: holes up to `forgives` seconds do not, where it is only listened to. */
  #unforgiven(faults) {
    const holes = this.forgives * this.microphone.sampleRate;
    return faults.filter(({ code, value }) => !(["gap", "late"].includes(code) && value <= holes));
  }

  async #devices() {
    const { device } = this.parts;
    if (!device || !this.microphone) return;
    const all = await microphones();
    device.replaceChildren(
      ...all.map(({ deviceId, label }, i) => new Option(label || `${this.words.states.unknown_device} ${i + 1}`, deviceId)),
    );
    device.value = this.microphone.deviceId;
    device.disabled = false;
  }

  async #devicesChanged() {
    if (!this.microphone) return;
    const { deviceId } = this.microphone;
    const all = await microphones();
    if (deviceId && !all.some((each) => each.deviceId === deviceId)) this.fault("device");
    await this.#devices();
  }

  #paint(now) {
    requestAnimationFrame((next) => this.#paint(next));
    if (!this.microphone) return;
    if (this.buffer?.recording && now - this.heardAt > SILENT_MS) this.fault("frozen");
    const { meter } = this;
    meter.update(toDbfs(this.peak), (now - (this.painted ?? now)) / 1000);
    this.painted = now;
    this.peak = 0;
    const place = (value) => `${Math.max(0, Math.min(100, ((value + 60) / 60) * 100))}%`;
    this.parts.meter.style.setProperty("--level", place(meter.level));
    this.parts.meter.style.setProperty("--mark", place(meter.mark));
    if (now - (this.numbered ?? 0) < NUMBERS_MS) return;
    this.numbered = now;
    this.#numbers(meter.mark, toDbfs(Math.sqrt(this.power / Math.max(1, this.blocks))));
    this.power = 0;
    this.blocks = 0;
  }

  #numbers(peak, rms) {
    const { parts } = this;
    const figure = (value) => (value <= -90 ? "−∞" : decibels(value));
    parts.peak.textContent = figure(peak);
    if (parts.rms) parts.rms.textContent = figure(rms);
    parts.meter.dataset.zone = zone(peak);
    parts.meter.setAttribute("aria-valuenow", String(Math.round(Math.max(-60, peak))));
    parts.meter.setAttribute("aria-valuetext", `${Math.round(peak)} dBFS`);
    for (const each of parts.zone.children) each.hidden = each.dataset.zone !== zone(peak);
  }
}
