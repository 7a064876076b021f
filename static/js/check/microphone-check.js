// <microphone-check>: choose a microphone, see that nothing is done to its sound, hear oneself.

import { enable } from "../lib/enable.js";
import { decibels, fill } from "../record/view.js";
import { encodeWav } from "../record/wav.js";
import { Player } from "../record/player.js";
import { processingOf, resultOf } from "./result.js";
import { partsOf, Station } from "./station.js";

const LONGEST_SECONDS = 12;
const LEVEL_CLASS = { good: "good", loud: "warn", quiet: "warn", silent: "warn", clipping: "bad" };
const BADGE_CLASS = { off: "good", on: "bad", unknown: "" };
const LABELS = { off: "open", opening: "open", ready: "record", recording: "stop", finishing: "stop", review: "again", suspended: "resume" };

export class MicrophoneCheck extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(document.getElementById("station-words").textContent);
    this.parts = partsOf(this);
    this.player = new Player();
    this.station = new Station({ parts: this.parts, words: this.words, workletUrl: this.dataset.worklet });
    this.station.addEventListener("state", () => this.show());
    this.station.addEventListener("opened", () => this.opened(this.station.microphone));
    this.station.addEventListener("failed", ({ detail }) => this.failed(detail));
    this.station.addEventListener("grows", ({ detail }) => detail > LONGEST_SECONDS && this.station.stop());
    this.station.addEventListener("taken", ({ detail }) => this.taken(detail));
    this.station.addEventListener("void", ({ detail }) => this.station.notice(detail.words, detail.code));
    this.player.addEventListener("change", () => this.show());
    this.parts.main.addEventListener("click", () => this.main());
    this.parts.listen.addEventListener("click", () => (this.player.playing ? this.player.stop() : this.player.play()));
    this.show();
    this.dataset.prepared = "true";
  }

  main() {
    const { station } = this;
    if (station.state === "recording") station.stop();
    else if (station.state === "ready") this.record();
    else if (["off", "suspended"].includes(station.state)) station.open();
  }

  record() {
    this.player.stop();
    this.heard = false;
    this.parts.result.hidden = true;
    this.station.notice("");
    this.station.start();
  }

  opened(microphone) {
    this.processing(microphone.track.getSettings());
    this.parts.rate.textContent = `${(microphone.sampleRate / 1000).toLocaleString(document.documentElement.lang)} kHz`;
  }

  failed(error) {
    if (error.params?.settings) this.processing(error.params.settings); // refused for what it read back
  }

  processing(settings) {
    for (const [name, state] of Object.entries(processingOf(settings))) {
      const badge = this.querySelector(`[data-processing=${name}]`);
      badge.className = `badge ${BADGE_CLASS[state]}`;
      badge.textContent = this.words.processing[state];
      badge.dataset.value = state;
    }
  }

  taken({ samples, sampleRate }) {
    const { parts, words } = this;
    this.heard = true;
    this.player.load(new Blob([encodeWav(samples, sampleRate)], { type: "audio/wav" }));
    const { peak, rms, seconds, zone } = resultOf(samples, sampleRate);
    parts.result.hidden = false;
    parts.result.className = `notice stack tight ${LEVEL_CLASS[zone]}`;
    parts.result.dataset.zone = zone;
    parts["result-words"].textContent = words.levels[zone];
    parts["result-peak"].textContent = `${decibels(peak)} dBFS`;
    parts["result-rms"].textContent = `${decibels(rms)} dBFS`;
    parts["result-seconds"].textContent = fill(words.states.seconds, { n: seconds.toFixed(1) });
    this.show();
  }

  show() {
    const { parts, station, words } = this;
    const state = station.state === "ready" && this.heard ? "review" : station.state;
    this.dataset.state = state;
    parts.state.textContent = words.states[state];
    parts.main.textContent = words.states[LABELS[state]];
    enable(parts.main, !["opening", "finishing"].includes(state));
    parts.main.setAttribute("aria-pressed", String(state === "recording"));
    parts.device.disabled = !["ready", "review"].includes(state);
    enable(parts.listen, this.heard && state !== "recording");
    parts.listen.textContent = words.states[this.player.playing ? "stop_listening" : "listen"];
  }
}

customElements.define("microphone-check", MicrophoneCheck);
