// <consent-statement>: the speaker says the statement; what they said is the consent.

import { enable } from "../lib/enable.js";
import { Refusal } from "../lib/http.js";
import { Player } from "../record/player.js";
import { encodeWav } from "../record/wav.js";
import { partsOf, Station } from "./station.js";
import { sealed, send } from "./upload.js";

export class ConsentStatement extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(document.getElementById("station-words").textContent);
    this.parts = partsOf(this);
    this.player = new Player();
    this.recording = null; // what is to be sent, with the id that it keeps
    const forgives = 0.25; // people listen to it: nobody reads a statement again for a hole that they cannot hear
    this.station = new Station({ parts: this.parts, words: this.words, workletUrl: this.dataset.worklet, forgives });
    this.station.addEventListener("state", () => this.show());
    this.station.addEventListener("taken", ({ detail }) => this.taken(detail));
    this.station.addEventListener("void", ({ detail }) => this.station.notice(detail.words, detail.code));
    this.player.addEventListener("change", () => this.show());
    this.parts.main.addEventListener("click", () => this.main());
    this.parts.listen.addEventListener("click", () => (this.player.playing ? this.player.stop() : this.player.play()));
    this.parts.agree.addEventListener("click", () => this.agree());
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
    this.recording = null;
    this.station.notice("");
    this.station.start();
  }

  async taken(take) {
    this.player.load(new Blob([encodeWav(take.samples, take.sampleRate)], { type: "audio/wav" }));
    this.recording = await sealed(take, this.station.microphone, { text_sha256: this.dataset.textSha256 });
    this.show();
  }

  async agree() {
    const label = this.parts.label?.value.trim() ?? "";
    if (this.parts.label && !label) {
      this.station.notice(this.words.states.no_label, "no_label");
      this.parts.label.focus();
      return;
    }
    this.sending = true;
    this.show();
    try {
      const answer = await send(this.dataset.url, { ...this.recording, label });
      this.station.close();
      location.assign(answer.next);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.sending = false;
      if (["statement_unclear", "statement_short", "text_changed", "too_short", "too_long"].includes(error.code)) this.recording = null;
      this.station.notice(error.message || this.words.states.unreachable, error.code);
      this.show();
      if (!this.recording && document.activeElement === document.body) this.parts.main.focus(); // it has to be said again
    }
  }

  show() {
    const { parts, station, words } = this;
    const state = this.sending ? "sending" : station.state === "ready" && this.recording ? "review" : station.state;
    this.dataset.state = state;
    parts.state.textContent = words.states[state];
    const labels = { off: "open", opening: "open", ready: "record", recording: "stop", finishing: "stop", review: "again", sending: "again", suspended: "resume" };
    parts.main.textContent = words.states[labels[state]];
    enable(parts.main, !["opening", "finishing", "sending"].includes(state));
    parts.main.setAttribute("aria-pressed", String(state === "recording"));
    enable(parts.listen, this.recording && !this.sending);
    parts.listen.textContent = words.states[this.player.playing ? "stop_listening" : "listen"];
    enable(parts.agree, state === "review");
  }
}

customElements.define("consent-statement", ConsentStatement);
