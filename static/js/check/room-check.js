// <room-check>: five seconds of silence, and what the server hears in them.

import { enable } from "../lib/enable.js";
import { Refusal } from "../lib/http.js";
import { decibels, fill } from "../record/view.js";
import { sittingId } from "./sitting.js";
import { drawSpectrum, hertzWords } from "./spectrum.js";
import { partsOf, Station } from "./station.js";
import { sealed, send } from "./upload.js";

const SECONDS = 5;
const SETTLE_SECONDS = 0.7; // until the click of the mouse has died away
const LABELS = { off: "open", opening: "open", ready: "measure", recording: "measure", finishing: "measure", sending: "measure", review: "measure_again", suspended: "resume" };

export class RoomCheck extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(document.getElementById("station-words").textContent);
    this.parts = partsOf(this);
    this.recording = null; // what is to be sent, with the id that it keeps
    const seconds = { pre: 0.05, post: 0.05, max: 2 * SECONDS };
    this.station = new Station({ parts: this.parts, words: this.words, workletUrl: this.dataset.worklet, seconds });
    this.station.addEventListener("state", () => this.show());
    this.station.addEventListener("grows", ({ detail }) => this.grows(detail));
    this.station.addEventListener("taken", ({ detail }) => this.taken(detail));
    this.station.addEventListener("void", ({ detail }) => this.station.notice(detail.words, detail.code));
    this.parts.main.addEventListener("click", () => this.main());
    new ResizeObserver(() => this.room && drawSpectrum(this.parts.spectrum, this.room.bands, this.room.hum_lines)).observe(this.parts.spectrum);
    this.show();
    const before = JSON.parse(document.getElementById("room-tone").textContent);
    if (before) this.result(before);
    this.dataset.prepared = "true";
  }

  async main() {
    const { station } = this;
    if (station.state === "ready" && this.recording) await this.send(this.recording);
    else if (station.state === "ready") this.measure();
    else if (["off", "suspended"].includes(station.state)) station.open();
  }

  measure() {
    this.station.notice("");
    clearTimeout(this.timer);
    this.settling = true;
    this.show();
    this.timer = setTimeout(() => {
      this.settling = false;
      this.station.start();
      this.show();
    }, SETTLE_SECONDS * 1000);
  }

  grows(seconds) {
    this.parts.bar.value = Math.min(SECONDS, seconds);
    if (seconds >= SECONDS) this.station.stop();
  }

  async taken(take) {
    const { microphone } = this.station;
    await this.send(await sealed(take, microphone, { session: sittingId() }));
  }

  async send(recording) {
    this.recording = recording;
    this.sending = true;
    this.station.notice("");
    this.show();
    try {
      this.result(await send(this.dataset.url, recording));
      this.recording = null;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const away = error.status === 0 || error.status >= 500;
      if (!away) this.recording = null; // measured anew
      this.station.notice(error.message || this.words.states.unreachable, error.code);
    } finally {
      this.sending = false;
      this.parts.bar.value = 0;
      this.show();
    }
  }

  result(room) {
    const { parts, words } = this;
    this.measured = true;
    parts.result.hidden = false;
    parts.verdict.className = `notice ${room.quiet ? "good" : "warn"}`;
    parts.verdict.dataset.quiet = String(room.quiet);
    parts["verdict-words"].textContent = words.room[room.quiet ? "quiet" : "loud"];
    parts.floor.textContent = `${decibels(room.noise_floor_dbfs)} dBFS`;
    const when = { dateStyle: "medium", timeStyle: "short" };
    parts.when.textContent = new Date(room.created_at).toLocaleString(document.documentElement.lang, when);
    parts.causes.replaceChildren(...room.causes.map((cause) => this.cause(cause)));
    this.room = room;
    drawSpectrum(parts.spectrum, room.bands, room.hum_lines);
    parts.rows.replaceChildren(
      ...room.bands.map(([hertz, dbfs]) => {
        const row = document.createElement("tr");
        const name = document.createElement("th");
        name.scope = "row";
        name.textContent = fill(words.room.hertz, { n: hertzWords(hertz) });
        const level = document.createElement("td");
        level.className = "number";
        level.textContent = `${decibels(dbfs)} dBFS`;
        row.append(name, level);
        return row;
      }),
    );
    this.show();
  }

  cause({ code, level, words, advice }) {
    const item = document.createElement("li");
    item.dataset.code = code;
    item.className = `reason ${level === "noted" ? "" : "warn"}`;
    const what = document.createElement("strong");
    what.textContent = words;
    const how = document.createElement("span");
    how.className = "soft";
    how.textContent = advice;
    item.append(what, " ", how);
    return item;
  }

  show() {
    const { parts, station, words } = this;
    let state = this.sending ? "sending" : station.state === "ready" && this.measured ? "review" : station.state;
    if (this.settling && station.state === "ready") state = "recording";
    this.dataset.state = state;
    const measuring = ["recording", "finishing"].includes(state);
    parts.state.textContent = measuring ? words.room.measuring : state === "review" ? words.room.measured : words.states[state];
    parts.main.textContent = words.room[LABELS[state]] ?? words.states[LABELS[state]];
    enable(parts.main, !measuring && !["opening", "sending"].includes(state));
    parts.device.disabled = !["ready", "review"].includes(state);
    parts.bar.hidden = !measuring;
    parts.next.classList.toggle("primary", Boolean(this.measured));
  }
}

customElements.define("room-check", RoomCheck);
