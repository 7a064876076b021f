// The page of one run: numbered events keep figures and curves up to date; what the server renders is fetched again.
import { LiveFeed } from "../lib/live.js";
import { count, fill, loss, rate, remaining } from "./format.js";
import { freshener } from "./fresh.js";
import "./loss-curve.js";

// Events after which the head, the checkpoints, the tables and the log have something new to say.
const TOLD_BY_SERVER = new Set([
  "state_changed", "stop_requested", "checkpoint_saved", "training_started", "data_prepared", "evaluated", "warned", "training_failed",
]);

class RunPage extends HTMLElement {
  connectedCallback() {
    const { path, state, curves, words } = JSON.parse(document.getElementById("run-data").textContent);
    this.words = words;
    this.state = state;
    this.curves = new Map();
    for (const curve of this.querySelectorAll("loss-curve")) {
      const own = curves[curve.dataset.part] ?? { train: [], held_out: [] };
      curve.show(own, words);
      this.curves.set(curve.dataset.part, curve);
    }
    this.heldOut = curves[state.part]?.held_out.at(-1)?.[1];
    this.ask = freshener(() => [...this.querySelectorAll("[data-fresh]")].map((node) => node.id), { then: () => this.#figures() });
    this.#figures();
    const feed = new LiveFeed(path, { after: state.last_seq });
    feed.addEventListener("event", ({ detail }) => this.#event(detail));
    feed.addEventListener("snapshot", ({ detail }) => this.#snapshot(detail));
    feed.addEventListener("state", ({ detail }) => this.#connection(detail));
  }

  #event({ kind, data }) {
    const curve = this.curves.get(data.part);
    switch (kind) {
      case "step_done":
        Object.assign(this.state, { part: data.part, step: data.step, total: data.total, progress: data, stage: "train" });
        curve?.add("train", data.step, data.losses[curve.figure]);
        break;
      case "evaluated":
        this.heldOut = data.losses[curve?.figure ?? "loss"];
        curve?.add("held_out", data.step, this.heldOut);
        break;
      case "stage_changed":
        Object.assign(this.state, { stage: data.stage, stageDone: data.done, stageTotal: data.total });
        if (data.part && data.part !== this.state.part) this.#enter(data.part, data.step ?? 0);
        break;
      case "training_started":
        Object.assign(this.state, { part: data.part, step: data.step, total: data.total, progress: {}, stage: "train" });
        break;
      case "state_changed":
        this.state.state = data.state;
        break;
      default:
    }
    if (TOLD_BY_SERVER.has(kind)) this.ask();
    this.#later();
  }

  /** Another part of the run begins. */
  #enter(part, step) {
    const { steps } = this.state.parts.find(({ kind }) => kind === part) ?? { steps: 0 };
    Object.assign(this.state, { part, step, total: steps, progress: {} });
    this.heldOut = undefined;
  }

  #snapshot(state) {
    const changed = state.state !== this.state.state || state.queue_position !== this.state.queue_position;
    Object.assign(this.state, state);
    if (changed) this.ask();
    this.#later();
  }

  #connection(state) {
    const line = this.querySelector("[data-connection]");
    const words = { open: this.words.open, waiting: this.words.waiting, "signed-out": this.words.signed_out, gone: this.words.gone };
    if (state in words) {
      line.dataset.state = state;
      line.textContent = words[state];
    }
  }

  #later() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.#figures();
    });
  }

  #figures() {
    const { state, words } = this;
    const running = state.state === "running";
    const progress = state.progress ?? {};
    this.#stage(running);
    for (const part of this.querySelectorAll("[data-part]:not(loss-curve)")) this.#part(part);
    this.#figure("eta", running ? remaining(progress, words) : "–");
    this.#figure("rate", progress.steps_per_minute ? fill(words.per_minute, { rate: rate(progress.steps_per_minute) }) : "–");
    this.#figure("loss", loss(progress.losses?.[this.curves.get(state.part)?.figure ?? "loss"]));
    this.#figure("held-out", loss(this.heldOut));
  }

  #stage(running) {
    const { state, words } = this;
    const parts = state.stage === "train" || !state.stageTotal ? "" : ` ${count(state.stageDone)} / ${count(state.stageTotal)}`;
    const line = running ? (words.stages[state.stage] ?? words.states.running) + parts : words.states[state.state];
    const node = this.querySelector("[data-stage]");
    if (node.textContent !== line) node.textContent = line;
  }

  #part(node) {
    const { state } = this;
    if (node.dataset.part !== state.part) return;
    const done = Math.min(state.step, state.total || state.step);
    node.querySelector("[data-done]").textContent = count(done);
    node.querySelector("progress").value = done;
    for (const other of this.querySelectorAll(".part")) {
      if (other === node) {
        other.classList.remove("later");
        other.classList.add("now");
        other.setAttribute("aria-current", "step");
      } else if (other.classList.contains("now")) {
        const bar = other.querySelector("progress");
        bar.value = bar.max;
        other.querySelector("[data-done]").textContent = count(bar.max);
        other.classList.replace("now", "done");
        other.removeAttribute("aria-current");
      }
    }
  }

  #figure(name, words) {
    const node = this.querySelector(`[data-figure="${name}"]`);
    if (node && node.textContent !== words) node.textContent = words;
  }
}

customElements.define("run-page", RunPage);
