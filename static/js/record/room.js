// <clip-recorder>: one prompt at a time. Decides what happens; view.js shows it, sender.js sends it.

import { post, Refusal, request } from "../lib/http.js";
import { keepAwake } from "./awake.js";
import { actionOf } from "./keys.js";
import { Ballistics, measure, toDbfs, zone } from "./levels.js";
import { Microphone, microphones } from "./microphone.js";
import { decodeWav, Player } from "./player.js";
import { Sender } from "./sender.js";
import { TakeStore } from "./store.js";
import { POST_SECONDS, PRE_SECONDS, TakeBuffer } from "./take.js";
import { fill, View } from "./view.js";
import { Waveform } from "./waveform.js";
import { encodeWav, sha256 } from "./wav.js";

const DEVICE_KEY = "moksori.microphone"; // which microphone this browser used last; nothing else lives there
const SILENT_MS = 1500; // no block for so long: the tab or the device was frozen

export class ClipRecorder extends HTMLElement {
  async connectedCallback() {
    this.words = JSON.parse(document.getElementById("record-words").textContent);
    this.view = new View(this, this.words);
    this.wave = new Waveform(this.view.parts.wave);
    this.player = new Player();
    this.meter = new Ballistics();
    this.sitting = crypto.randomUUID?.() ?? "";
    this.back = []; // prompts that were left without the server's help
    this.listenToEverything();
    this.go("off");
    this.apply(JSON.parse(document.getElementById("record-state").textContent));
    try {
      this.store = await TakeStore.open();
    } catch {
      this.view.notice(this.words.failures.storage);
      return;
    }
    this.startSending();
    this.dataset.prepared = "true";
    requestAnimationFrame(() => this.paint());
  }

  listenToEverything() {
    this.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("keydown", (event) => {
      const action = actionOf(event, { dialogOpen: Boolean(document.querySelector("dialog[open]")) });
      if (!action) return;
      event.preventDefault();
      this.act(action);
    });
    this.view.parts.device.addEventListener("change", (event) => this.openMicrophone(event.target.value));
    this.player.addEventListener("change", () => this.playing());
    this.player.addEventListener("time", ({ detail }) => {
      this.wave.played = detail;
      this.wave.draw();
    });
    document.addEventListener("freeze", () => this.fault("frozen"));
    addEventListener("online", () => this.settle());
    addEventListener("beforeunload", (event) => {
      if (this.buffer?.recording) event.preventDefault();
    });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.devicesChanged());
  }

  clicked(event) {
    const button = event.target.closest("[data-do]");
    if (button) this.act(button.dataset.do, button);
    const row = event.target.closest("[data-id]");
    const takeAction = event.target.closest("[data-take-do]");
    if (row && takeAction) this.takeAction(takeAction.dataset.takeDo, row.dataset.id);
    const unsentAction = event.target.closest("[data-row-do]");
    if (row && unsentAction) this.rowAction(unsentAction.dataset.rowDo, row.dataset.id);
    // After a click with the mouse, keys mean the room again and not the button that was clicked.
    if (event.detail > 0 && button && !document.querySelector("dialog[open]")) this.view.parts.stage.focus({ preventScroll: true });
  }

  act(action, button) {
    const actions = {
      record: () => this.record(),
      again: () => this.record(),
      listen: () => this.listen(),
      keep: () => this.keep(),
      back: () => this.move("back"),
      next: () => this.move("next"),
      skip: () => this.prompt && this.idle && this.view.parts["skip-dialog"].showModal(),
      "skip-because": () => this.skip(button.value),
      undo: () => this.undo(),
      unsent: () => this.showUnsent(),
      "send-now": () => this.sender.now(),
      close: () => button.closest("dialog").close(),
    };
    actions[action]?.();
  }

  get idle() {
    return ["off", "ready", "review", "suspended"].includes(this.state);
  }

  go(state) {
    this.state = state;
    this.view.state(state);
    const { idle, prompt, shown } = this;
    const open = Boolean(prompt) && idle;
    this.view.enable("record", Boolean(prompt) && (idle || state === "recording"));
    this.view.enable("listen", Boolean(shown) && idle);
    this.view.enable("keep", (Boolean(shown) && idle && shown.verdict?.level !== "refused") || state === "judging");
    this.view.enable("back", idle && (!prompt || prompt.has_back !== false || this.back.length > 0));
    this.view.enable("next", open && prompt.has_next !== false);
    this.view.enable("skip", open);
    this.classList.toggle("has-take", Boolean(shown));
  }

  rest() {
    const open = this.microphone && !this.microphone.closed;
    if (open && !this.microphone.running) this.go("suspended");
    else if (!open) this.go("off");
    else this.go(this.shown ? "review" : "ready");
  }

  // --- the microphone ---------------------------------------------------------------------------------------------

  async openMicrophone(deviceId = this.rememberedDevice()) {
    if (!this.idle) return;
    this.closeMicrophone();
    this.go("opening");
    this.view.notice("");
    try {
      this.microphone = await Microphone.open({ workletUrl: this.dataset.worklet, deviceId });
    } catch (error) {
      if (error.code === "OverconstrainedError" && deviceId) {
        this.rememberDevice("");
        this.go("off");
        await this.openMicrophone("");
        return;
      }
      this.go("off");
      this.microphoneFailed(error);
      return;
    }
    const { microphone } = this;
    this.buffer = new TakeBuffer(microphone.sampleRate);
    this.heardAt = performance.now();
    microphone.addEventListener("block", ({ detail }) => this.block(detail));
    microphone.addEventListener("fault", ({ detail }) => this.fault(detail));
    microphone.addEventListener("suspended", () => this.rest());
    microphone.addEventListener("resumed", () => this.idle && this.rest());
    microphone.addEventListener("ended", () => {
      this.closeMicrophone();
      this.view.notice(this.words.voids.ended);
      this.rest();
    });
    keepAwake(true);
    this.rememberDevice(microphone.deviceId);
    this.view.microphone(microphone, await microphones(), microphone.deviceId);
    this.rest();
  }

  closeMicrophone() {
    this.microphone?.close();
    this.microphone = null;
    this.buffer = null;
    keepAwake(false);
    this.view.microphone(null);
    this.wave.live = [];
  }

  microphoneFailed(error) {
    const { failures } = this.words;
    const words = failures[error.code] ?? failures.other;
    this.view.notice(fill(words, { name: error.message, ...error.params }));
  }

  async devicesChanged() {
    if (!this.microphone) return;
    const devices = await microphones();
    const { deviceId } = this.microphone;
    if (deviceId && !devices.some((device) => device.deviceId === deviceId)) this.fault("device");
    this.view.microphone(this.microphone, devices, deviceId);
  }

  rememberedDevice() {
    try {
      return localStorage.getItem(DEVICE_KEY) ?? "";
    } catch {
      return "";
    }
  }

  rememberDevice(deviceId) {
    try {
      localStorage.setItem(DEVICE_KEY, deviceId);
    } catch {
      // a browser that keeps nothing: the default microphone next time
    }
  }

  // --- one take ---------------------------------------------------------------------------------------------------

  record() {
    if (!this.prompt || !this.store) return;
    if (this.state === "recording") this.stop();
    else if (this.state === "suspended") this.microphone.resume().then(() => this.rest());
    else if (this.idle && !this.microphone) this.openMicrophone();
    else if (this.idle) this.start();
  }

  start() {
    this.player.stop();
    this.view.notice("");
    this.view.undo(false);
    this.shown = null;
    this.keepWhenJudged = false;
    this.view.verdict(null);
    this.view.figures(null);
    this.buffer.start();
    this.wave.begin();
    this.go("recording");
  }

  stop() {
    this.buffer.stop();
    this.go("finishing");
  }

  block({ samples, gap, empty }) {
    this.heardAt = performance.now();
    const { peak } = measure(samples);
    this.peak = Math.max(this.peak ?? 0, peak);
    this.wave.feed(peak);
    const state = this.buffer.push({ samples, gap, empty });
    if (state === "done") this.finish();
    else if (state === "full") this.fault("long");
    else if (state === "going" && this.buffer.take.faults.size) this.finish();
  }

  fault(code) {
    if (this.buffer?.recording) {
      this.buffer.fault(code);
      this.finish();
    } else if (code === "muted" && this.microphone) this.view.notice(this.words.voids.muted);
  }

  async finish() {
    const { samples, faults } = this.buffer.finish();
    const { sampleRate } = this.microphone;
    const spoken = samples.length / sampleRate - PRE_SECONDS - POST_SECONDS;
    if (!faults.length && spoken < 0.3) faults.push({ code: "short" });
    if (faults.length) {
      this.void(faults[0], sampleRate);
      return;
    }
    const { prompt, microphone } = this;
    const wav = encodeWav(samples, sampleRate);
    this.go("judging");
    this.wave.show(samples, sampleRate);
    const row = {
      id: crypto.randomUUID(),
      speaker: this.dataset.speaker,
      prompt: prompt.id,
      text: prompt.text,
      sha256: await sha256(wav),
      session: this.sitting,
      device: microphone.label,
      microphone: microphone.settings(),
      sampleRate,
      seconds: samples.length / sampleRate,
      wav,
      at: Date.now(),
      state: "waiting",
      refusal: null,
    };
    this.shown = { id: row.id, local: true };
    this.player.load(new Blob([wav], { type: "audio/wav" }));
    await this.store.put(row);
    await this.sender.tell();
    this.sender.now();
  }

  void({ code, value = 0 }, sampleRate) {
    const { voids } = this.words;
    this.wave.clear();
    const reason = fill(voids[code], { ms: Math.max(1, Math.round((value / sampleRate) * 1000)) });
    this.view.verdict({ level: "void", words: voids.title, reasons: [{ code, words: reason, level: "refused" }] });
    this.rest();
  }

  // --- sending, and what the server says ---------------------------------------------------------------------------

  startSending() {
    this.sender = new Sender({ store: this.store, speaker: this.dataset.speaker, url: this.dataset.clipsUrl });
    this.sender.addEventListener("sent", ({ detail }) => this.judged(detail));
    this.sender.addEventListener("refused", ({ detail }) => this.turnedAway(detail));
    this.sender.addEventListener("change", ({ detail }) => {
      this.view.sending(detail);
      if (detail.problem && this.state === "judging") this.keptHere();
    });
    this.sender.run();
  }

  judged({ row, answer }) {
    this.progress = answer.progress;
    this.view.progress(answer.progress);
    if (row.prompt === this.prompt?.id) {
      const others = this.takes.filter((take) => take.id !== answer.id);
      this.takes = [answer, ...others.map((take) => ({ ...take, kept: take.kept && !answer.kept }))];
    }
    if (this.shown?.id === row.id) {
      this.show(answer);
      if (this.state === "judging") this.rest();
      if (this.keepWhenJudged && answer.verdict.level !== "refused") this.keep();
    }
    this.view.takes(this.takes, this.shown?.id);
    this.settle();
  }

  turnedAway({ row, refusal }) {
    if (this.shown?.id !== row.id) return;
    this.view.verdict({ level: "void", words: refusal.message || this.words.sending.refused, reasons: [] });
    this.shown = null;
    this.rest();
  }

  /** The server is not there: the take is safe in this browser, and the person goes on. */
  keptHere() {
    this.view.verdict({ level: "local", words: this.words.states.offline_kept, reasons: [] });
    this.rest();
    if (this.keepWhenJudged) this.keep();
  }

  /** Shows a take that the server has judged. */
  show(take) {
    this.shown = take;
    this.view.verdict(take.verdict);
    this.view.figures(take);
    this.wave.mark(take.measures.speech_start, take.measures.speech_end);
    this.go(this.state);
  }

  async showStored(take) {
    this.show(take);
    this.player.load(take.url);
    this.view.takes(this.takes, take.id);
    const response = await fetch(take.url);
    if (!response.ok || this.shown?.id !== take.id) return;
    const { samples, sampleRate } = decodeWav(await response.arrayBuffer());
    this.wave.show(samples, sampleRate);
    this.wave.mark(take.measures.speech_start, take.measures.speech_end);
  }

  listen() {
    if (!this.shown || !this.idle) return;
    if (this.player.playing) this.player.stop();
    else this.player.play();
  }

  playing() {
    const { states } = this.words;
    const { playing } = this.player;
    this.view.parts["listen-label"].textContent = playing ? states.stop_listening : states.listen;
    if (!playing) {
      this.wave.played = null;
      this.wave.draw();
    }
  }

  // --- from prompt to prompt ---------------------------------------------------------------------------------------

  apply(state) {
    const changed = state.prompt?.id !== this.prompt?.id || !this.prompt;
    this.prompt = state.prompt;
    this.takes = state.takes;
    this.upcoming = state.upcoming;
    this.progress = state.progress;
    this.view.prompt(state.prompt, state.progress);
    if (changed) {
      this.player.stop();
      this.shown = null;
      this.wave.clear();
      this.view.verdict(null);
      this.view.figures(null);
      const take = this.takes.find((each) => each.kept) ?? this.takes[0];
      if (take) this.showStored(take);
    }
    this.view.takes(this.takes, this.shown?.id);
    this.rest();
  }

  keep() {
    if (this.state === "judging") {
      this.keepWhenJudged = true;
      return;
    }
    if (!this.shown || !this.idle || this.shown.verdict?.level === "refused") return;
    this.keepWhenJudged = false;
    const { shown } = this;
    if (shown.local) this.drift("forward");
    else this.ask(() => post(`${this.dataset.clipsUrl}${shown.id}/keep`, { forward: true }), "forward");
  }

  move(action, fields = {}) {
    if (!this.idle || (!this.prompt && action !== "back")) return;
    const body = { action, prompt: this.prompt?.id, ...fields };
    this.ask(() => post(this.dataset.moveUrl, body), action);
  }

  skip(reason) {
    this.view.parts["skip-dialog"].close();
    this.move("skip", { reason });
  }

  /** Asks the server for a new state; without it, an `action` that moves goes on with the prompts in reserve. */
  async ask(send, action = "") {
    if (this.asking) return;
    this.asking = true;
    try {
      this.apply(await send());
      this.back = [];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const away = error.status === 0 || error.status >= 500;
      if (away && action) this.drift(action);
      else this.view.notice(error.message || this.words.sending.unreachable);
    } finally {
      this.asking = false;
    }
  }

  drift(action) {
    const backwards = action === "back";
    const target = backwards ? this.back.pop() : this.upcoming.shift();
    if (!target) {
      this.view.notice(this.words.states.offline_end);
      return;
    }
    if (!backwards) this.back.push(this.prompt);
    else this.upcoming.unshift(this.prompt);
    this.adrift = true;
    const { upcoming, progress } = this;
    this.apply({ prompt: { ...target, number: undefined }, takes: [], upcoming, progress });
  }

  /** The server is back: it is told where the speaker stands by now. */
  async settle() {
    if (!this.adrift || this.asking || !this.idle || !this.prompt) return;
    this.adrift = false;
    await this.move("open");
  }

  // --- the takes of a prompt, and the takes that are not sent --------------------------------------------------------

  async takeAction(action, id) {
    const take = this.takes.find((each) => each.id === id);
    const address = `${this.dataset.clipsUrl}${id}/`;
    if (!take || !this.idle) return;
    if (action === "hear") {
      await this.showStored(take);
      this.player.play();
    } else if (action === "choose") {
      await this.ask(() => post(`${address}keep`, {}));
    } else if (action === "take-out") {
      this.takenOut = id;
      if (this.shown?.id === id) this.forgetShown();
      await this.ask(() => request("DELETE", address));
      this.view.undo(true);
    }
  }

  forgetShown() {
    this.player.stop();
    this.shown = null;
    this.wave.clear();
    this.view.verdict(null);
    this.view.figures(null);
  }

  async undo() {
    if (!this.takenOut || !this.idle) return;
    const id = this.takenOut;
    this.takenOut = null;
    this.view.undo(false);
    await this.ask(() => post(`${this.dataset.clipsUrl}${id}/restore`, {}));
  }

  async showUnsent() {
    this.view.unsentRows(await this.store.of(this.dataset.speaker));
    this.view.parts["unsent-dialog"].showModal();
  }

  async rowAction(action, id) {
    const row = await this.store.get(id);
    if (!row) return;
    if (action === "download") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([row.wav], { type: "audio/wav" }));
      link.download = `${row.text.slice(0, 40)}.wav`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } else if (action === "remove" && confirm(this.words.sending.confirm_remove)) {
      await this.store.delete(id);
      await this.sender.tell();
      this.view.unsentRows(await this.store.of(this.dataset.speaker));
    }
  }

  // --- what moves ----------------------------------------------------------------------------------------------------

  paint(now = performance.now()) {
    requestAnimationFrame((next) => this.paint(next));
    if (!this.microphone) return;
    if (this.buffer.recording && now - this.heardAt > SILENT_MS) this.fault("frozen");
    const peak = toDbfs(this.peak ?? 0);
    this.view.level(this.meter.update(peak, (now - (this.painted ?? now)) / 1000));
    this.painted = now;
    this.peak = 0;
    if (!this.wave.take) this.wave.draw();
    if (now - (this.numbered ?? 0) > 150) {
      this.numbered = now;
      this.view.levelNumbers(this.meter.mark, zone(this.meter.mark));
    }
  }
}

customElements.define("clip-recorder", ClipRecorder);
