// <clip-recorder>: one prompt at a time. Decides what happens; view.js shows it, sender.js sends it.

import { sittingId } from "../check/sitting.js";
import { post } from "../lib/http.js";
import { browserStorage } from "../lib/kept.js";
import { Course } from "./course.js";
import { HandsFree } from "./hands-free.js";
import { KeyDialog } from "./key-dialog.js";
import { actionOf } from "./keys.js";
import { Ballistics, measure, toDbfs, zone } from "./levels.js";
import { inWords, judgeTake, measureTake } from "./measure.js";
import { MicrophoneDesk } from "./microphone-desk.js";
import { decodeWav, Player } from "./player.js";
import { PromptList } from "./prompt-list.js";
import { Sender } from "./sender.js";
import { TakeStore } from "./store.js";
import { POST_SECONDS, PRE_SECONDS, TakeBuffer } from "./take.js";
import { TakeList } from "./take-list.js";
import { Trimmer } from "./trim.js";
import { UndoStack } from "./undo.js";
import { Unsent } from "./unsent.js";
import { fill, View } from "./view.js";
import { Waveform } from "./waveform.js";
import { encodeWav, sha256 } from "./wav.js";

const SILENT_MS = 1500; // no block for so long: the tab or the device was frozen

export class ClipRecorder extends HTMLElement {
  async connectedCallback() {
    this.words = JSON.parse(document.getElementById("record-words").textContent);
    this.rules = JSON.parse(document.getElementById("record-rules").textContent);
    this.view = new View(this, this.words);
    this.wave = new Waveform(this.view.parts.wave);
    this.player = new Player();
    this.meter = new Ballistics();
    this.desk = new MicrophoneDesk({ view: this.view, words: this.words, workletUrl: this.dataset.worklet });
    this.course = new Course(this);
    this.list = new TakeList(this);
    this.undos = new UndoStack((words) => this.view.undo(words));
    this.trimmer = new Trimmer({ frame: this.view.parts.trim, words: this.words.states });
    this.hands = new HandsFree(browserStorage());
    this.view.pressed("hands-free", this.hands.on);
    this.unsent = new Unsent(this);
    this.prompts = new PromptList(this);
    this.keys = new KeyDialog({ root: this, dialog: this.view.parts["keys-dialog"], words: this.words.keys });
    this.sitting = sittingId();
    this.listenToEverything();
    this.listenToMicrophone();
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

  get microphone() {
    return this.desk.microphone;
  }

  listenToEverything() {
    this.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("keydown", (event) => {
      const dialogOpen = Boolean(document.querySelector("dialog[open]"));
      const action = actionOf(event, { dialogOpen, keys: this.keys.keys });
      if (!action) return;
      event.preventDefault();
      this.act(action);
    });
    this.view.parts.device.addEventListener("change", (event) => this.openMicrophone(event.target.value));
    this.trimmer.addEventListener("move", ({ detail }) => this.showTrim(detail));
    this.trimmer.addEventListener("settle", ({ detail }) => {
      this.list.trim(detail.id, { ...detail.trim, moved: true }, detail.before);
    });
    this.player.addEventListener("change", () => this.playing());
    this.player.addEventListener("time", ({ detail }) => {
      this.wave.played = detail;
      this.wave.draw();
    });
    document.addEventListener("freeze", () => this.fault("frozen"));
    addEventListener("online", () => this.course.settle());
    addEventListener("beforeunload", (event) => {
      if (this.buffer?.recording || this.store?.held.size) event.preventDefault();
    });
  }

  listenToMicrophone() {
    const { desk } = this;
    desk.addEventListener("opened", ({ detail: microphone }) => {
      this.hands.room();
      this.buffer = new TakeBuffer(microphone.sampleRate);
      this.heardAt = performance.now();
    });
    desk.addEventListener("block", ({ detail }) => this.block(detail));
    desk.addEventListener("fault", ({ detail }) => this.fault(detail));
    desk.addEventListener("suspended", () => {
      this.buffer?.halt();
      this.rest();
    });
    desk.addEventListener("resumed", () => this.idle && this.rest());
    desk.addEventListener("closed", ({ detail: byItself }) => {
      this.buffer = null;
      this.wave.live = [];
      if (!byItself) return;
      this.view.notice(this.words.voids.ended);
      this.rest();
    });
  }

  clicked(event) {
    const button = event.target.closest("[data-do]");
    if (button) this.act(button.dataset.do, button);
    // After a click with the mouse, keys mean the room again and not the button that was clicked.
    if (event.detail > 0 && button && !document.querySelector("dialog[open]")) this.view.parts.stage.focus({ preventScroll: true });
  }

  act(action, button) {
    this.carryOn = false; // who presses something has their own idea of what comes next
    const actions = {
      record: () => this.record(),
      again: () => this.record(),
      listen: () => this.listen(),
      keep: () => this.keep(),
      back: () => this.course.move("back"),
      next: () => this.course.move("next"),
      skip: () => this.prompt && this.idle && this.view.parts["skip-dialog"].showModal(),
      "skip-because": () => this.skip(button.value),
      undo: () => this.undos.undo(),
      "listen-part": () => this.listenToPart(),
      "trim-reset": () => this.list.trim(this.shown.id, { moved: false }, this.shown.trim),
      keys: () => this.keys.show(),
      list: () => this.prompts.show(),
      "hands-free": () => this.view.pressed("hands-free", this.hands.toggle()),
      unsent: () => this.unsent.show(),
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
    this.view.enable("back", idle && (!prompt || prompt.has_back !== false || this.course.back.length > 0));
    this.view.enable("next", open && prompt.has_next !== false);
    this.view.enable("skip", open);
    this.view.enable("list", idle);
    this.classList.toggle("has-take", Boolean(shown));
    this.showEdges();
  }

  rest() {
    const open = this.microphone && !this.microphone.closed;
    if (open && !this.microphone.running) this.go("suspended");
    else if (!open) this.go("off");
    else this.go(this.shown ? "review" : "ready");
  }

  async openMicrophone(deviceId) {
    if (!this.idle) return;
    this.go("opening");
    if (await this.desk.open(deviceId)) this.rest();
    else this.go("off");
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
    this.view.undo("");
    this.shown = null;
    this.keepWhenJudged = false;
    this.view.verdict(null);
    this.view.figures(null);
    this.buffer.start();
    this.hands.begin();
    this.wave.begin();
    this.go("recording");
  }

  stop() {
    this.buffer.stop();
    this.go("finishing");
  }

  block(block) {
    this.heardAt = performance.now();
    const { samples } = block;
    const { peak, rms } = measure(samples);
    this.peak = Math.max(this.peak ?? 0, peak);
    this.wave.feed(peak);
    const state = this.buffer.push(block);
    if (this.buffer.stale) this.buffer.renewed(this.microphone.renew());
    if (state === "done") this.finish();
    else if (state === "full") this.fault("long");
    else if (state === "going" && this.buffer.take.faults.size) this.finish();
    const heard = this.hands.push(toDbfs(rms), samples.length / this.buffer.sampleRate);
    if (this.state === "recording" && heard === "over") this.stop();
    else if (this.state === "recording" && heard === "nothing") this.fault("unheard");
  }

  fault(code) {
    if (this.buffer?.recording) {
      this.buffer.fault(code);
      this.finish();
    } else if (code === "muted" && this.microphone) this.view.notice(this.words.voids.muted);
  }

  async finish() {
    const { samples, faults } = this.buffer.finish();
    this.hands.end();
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
    const stored = this.store.put(row); // the browser writes it while the page has its first look
    this.firstLook(samples, sampleRate);
    this.player.load(new Blob([wav], { type: "audio/wav" }));
    await stored;
    this.sender.now();
    await this.sender.tell();
  }

  /** What the page finds by itself, at once, by the server's rules; the server's own verdict takes its place. */
  firstLook(samples, sampleRate) {
    const measures = measureTake(samples, sampleRate);
    const verdict = inWords(judgeTake(measures, this.rules), this.words.verdicts);
    this.first = verdict;
    this.view.verdict({ ...verdict, first: true });
    this.view.figures({ seconds: measures.seconds, measures });
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
    if (this.shown?.id === row.id) {
      this.show(answer);
      this.carryOn = this.hands.on && answer.verdict.level === "good";
      this.keepWhenJudged ||= this.carryOn;
      if (this.state === "judging") this.rest();
      if (this.keepWhenJudged && answer.verdict.level !== "refused") this.keep();
    }
    if (row.prompt === this.prompt?.id) this.list.add(answer);
    this.course.settle();
  }

  turnedAway({ row, refusal }) {
    if (this.shown?.id !== row.id) return;
    this.view.verdict({ level: "void", words: refusal.message || this.words.sending.refused, reasons: [] });
    this.shown = null;
    this.rest();
  }

  /** The server is not there: the take is safe in this browser, and the person goes on. */
  keptHere() {
    const { offline_kept: kept, offline_held: held } = this.words.states;
    this.view.verdict({ level: "local", words: this.store.held.has(this.shown?.id) ? held : kept, reasons: this.first?.reasons ?? [] });
    this.rest();
    if (this.keepWhenJudged) this.keep();
  }

  /** Shows a take that the server has judged. */
  show(take) {
    this.shown = take;
    this.view.verdict(take.verdict);
    this.view.figures(take);
    this.go(this.state);
  }

  async showStored(take) {
    this.show(take);
    this.player.load(take.url);
    this.list.refresh();
    const response = await fetch(take.url);
    if (!response.ok || this.shown?.id !== take.id) return;
    const { samples, sampleRate } = decodeWav(await response.arrayBuffer());
    this.wave.show(samples, sampleRate);
    this.showEdges();
  }

  /** The edges of a stored take, where its waveform is to be seen. */
  showEdges() {
    const { shown } = this;
    const trim = (this.idle && this.wave.take && shown?.trim) || null;
    this.trimmer.show(trim, shown?.id);
    this.showTrim(trim);
  }

  showTrim(trim) {
    if (trim) this.wave.mark(trim.start, trim.end);
    this.view.trim(trim);
  }

  listen() {
    if (!this.shown || !this.idle) return;
    if (this.player.playing) this.player.stop();
    else this.player.play();
  }

  /** Only what training uses. */
  listenToPart() {
    if (this.shown?.trim && this.idle) this.player.play(this.shown.trim);
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
    this.course.upcoming = state.upcoming;
    this.progress = state.progress;
    this.list.show(state.takes);
    this.view.prompt(state.prompt, state.progress);
    if (changed) {
      this.forgetShown();
      if (this.list.first) this.showStored(this.list.first);
    }
    this.rest();
    if (!changed || !this.carryOn) return;
    this.carryOn = false;
    if (["ready", "review"].includes(this.state) && this.prompt) this.start();
  }

  keep() {
    if (this.state === "judging") {
      this.keepWhenJudged = true;
      return;
    }
    if (!this.shown || !this.idle || this.shown.verdict?.level === "refused") return;
    this.keepWhenJudged = false;
    const { shown } = this;
    if (shown.local) this.course.drift("forward");
    else this.course.ask(() => post(`${this.dataset.clipsUrl}${shown.id}/keep`, { forward: true }), "forward");
  }

  skip(reason) {
    this.view.parts["skip-dialog"].close();
    this.course.move("skip", { reason });
  }

  forgetShown() {
    this.player.stop();
    this.shown = null;
    this.wave.clear();
    this.view.verdict(null);
    this.view.figures(null);
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
