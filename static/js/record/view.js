// Puts the room's state into the page: no decisions here.

import { enable } from "../lib/enable.js";

const LEVEL_CLASS = { good: "good", warned: "warn", refused: "bad" };

export function fill(words, values) {
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** "1 take", "2 takes": words that have a form for one and a form for all other numbers. */
export function counted(words, n) {
  return fill(n === 1 ? words.one : words.other, { n });
}

/** "3:20" of seconds. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A decibel figure with a real minus sign and one place. */
export function decibels(value) {
  return value.toFixed(1).replace("-", "−");
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class View {
  constructor(root, words) {
    this.root = root;
    this.words = words;
    this.parts = {};
    for (const part of root.querySelectorAll("[data-part]")) this.parts[part.dataset.part] = part;
    this.buttons = {};
    for (const button of root.querySelectorAll("[data-do]")) (this.buttons[button.dataset.do] ??= []).push(button);
  }

  /** Which of the room's states it is: CSS does the rest. */
  state(name) {
    this.root.dataset.state = name;
    const words = this.words.states;
    this.parts.state.textContent = words[name] ?? "";
    const recording = name === "recording";
    const label = name === "off" ? words.open : name === "suspended" ? words.resume : recording ? words.stop : words.record;
    this.parts["record-label"].textContent = label;
    for (const button of this.buttons.record) button.setAttribute("aria-pressed", String(recording));
  }

  pressed(action, yes) {
    for (const button of this.buttons[action] ?? []) button.setAttribute("aria-pressed", String(yes));
  }

  enable(action, yes) {
    for (const button of this.buttons[action] ?? []) {
      if (action === "record") {
        enable(button, yes);
        continue;
      }
      // Any other does not get the focus back: the space bar would press it, where it is to record the next take.
      if (!yes && button === document.activeElement) this.parts.stage.focus({ preventScroll: true });
      button.disabled = !yes;
    }
  }

  prompt(prompt, progress) {
    const { parts } = this;
    this.root.classList.toggle("is-done", !prompt);
    parts.prompt.textContent = prompt ? prompt.text : this.words.states.done_all;
    parts.prompt.lang = prompt ? "ko" : document.documentElement.lang;
    parts.reading.hidden = !prompt?.reading || prompt.reading === prompt.text;
    parts.reading.textContent = prompt?.reading ?? "";
    parts.kind.textContent = prompt?.kind_words ?? "";
    parts.kind.hidden = !prompt;
    parts.number.textContent = prompt?.number ? fill(this.words.states.number, { n: prompt.number }) : "";
    parts.number.hidden = !prompt?.number;
    parts.skipped.hidden = !prompt?.skipped;
    parts.again.hidden = !prompt?.again;
    parts.again.textContent = prompt?.again ?? "";
    this.progress(progress);
  }

  progress({ done, total, minutes, coverage, worth_minutes: worth }) {
    const { parts } = this;
    const { sounds, sounds_enough: enough } = this.words.states;
    parts.sounds.textContent = fill(worth > 0 ? sounds : enough, { percent: coverage, n: worth });
    parts.done.textContent = `${done}`;
    parts.total.textContent = `${total}`;
    parts.minutes.textContent = fill(this.words.states.minutes, { n: minutes.toFixed(1) });
    parts.bar.max = Math.max(1, total);
    parts.bar.value = done;
  }

  /** The verdict card; null hides it. `level` "void" and "local" are the browser's own words, `first` its own look. */
  verdict(verdict) {
    const { parts } = this;
    parts.verdict.hidden = !verdict;
    parts["verdict-first"].hidden = !verdict?.first;
    if (!verdict) return;
    parts.verdict.dataset.by = verdict.first || ["local", "void"].includes(verdict.level) ? "browser" : "server";
    parts.verdict.className = `verdict ${LEVEL_CLASS[verdict.level] ?? (verdict.level === "void" ? "bad" : "")}`;
    parts["verdict-words"].textContent = verdict.words;
    parts["verdict-reasons"].replaceChildren(
      ...verdict.reasons.map((reason) => {
        const item = element("li", `reason ${LEVEL_CLASS[reason.level] ?? ""}`);
        item.dataset.code = reason.code;
        item.append(element("strong", "", reason.words));
        if (reason.advice) item.append(" ", element("span", "soft", reason.advice));
        return item;
      }),
    );
  }

  /** Numbers of a take beside its verdict. */
  figures(take) {
    const { parts } = this;
    parts.figures.hidden = !take;
    if (!take) return;
    parts["figure-seconds"].textContent = fill(this.words.states.seconds, { n: take.seconds.toFixed(1) });
    parts["figure-peak"].textContent = `${decibels(take.measures.peak_dbfs)} dBFS`;
    parts["figure-snr"].textContent = `${Math.round(take.measures.snr_db)} dB`;
  }

  notice(words) {
    this.parts.notice.hidden = !words;
    this.parts.notice.textContent = words ?? "";
  }

  takes(takes, shownId) {
    const { parts, words } = this;
    parts.takes.hidden = takes.length === 0;
    parts["takes-count"].textContent = `${takes.length}`;
    const template = this.root.querySelector("template[data-take]");
    const rows = takes.map((take, i) => {
      const row = template.content.firstElementChild.cloneNode(true);
      row.dataset.id = take.id;
      row.classList.toggle("is-shown", take.id === shownId);
      row.querySelector("[data-field=name]").textContent = fill(words.states.take, { n: takes.length - i });
      row.querySelector("[data-field=seconds]").textContent = fill(words.states.seconds, { n: take.seconds.toFixed(1) });
      const badge = row.querySelector("[data-field=verdict]");
      badge.textContent = take.verdict.words;
      badge.classList.add(LEVEL_CLASS[take.verdict.level]);
      row.querySelector("[data-field=kept]").hidden = !take.kept;
      row.querySelector("[data-field=note]").textContent = take.note;
      const choose = row.querySelector("[data-take-do=choose]");
      choose.hidden = take.kept || take.verdict.level === "refused";
      return row;
    });
    parts["takes-list"].replaceChildren(...rows);
  }

  /** What can be taken back; "" for nothing. */
  undo(words) {
    this.parts.undo.hidden = !words;
    if (words) this.parts["undo-words"].textContent = words;
  }

  /** Which part of the take training uses, in words; null hides it. */
  trim(trim) {
    const { parts, words } = this;
    parts["trim-line"].hidden = !trim;
    if (!trim) return;
    const [start, end] = [trim.start, trim.end].map((value) => value.toFixed(2));
    parts["trim-words"].textContent = fill(words.states.part, { start, end });
    this.enable("trim-reset", trim.moved);
  }

  sending({ waiting, refused, problem }) {
    const { parts } = this;
    const words = this.words.sending;
    const count = waiting + refused;
    parts.unsent.dataset.count = `${count}`;
    parts.unsent.className = `badge unsent ${count === 0 ? "good" : problem || refused ? "warn" : "busy"}`;
    parts.unsent.textContent = count === 0 ? words.none : fill(problem || refused ? words.waiting : words.some, { n: count });
    parts["unsent-problem"].textContent = words[problem] ?? (problem ? words.unreachable : "");
    parts["unsent-sign-in"].hidden = problem !== "sign_in" && problem !== "no_consent";
  }

  unsentRows(rows) {
    const template = this.root.querySelector("template[data-row]");
    this.parts["unsent-list"].replaceChildren(
      ...rows.map((row) => {
        const item = template.content.firstElementChild.cloneNode(true);
        item.dataset.id = row.id;
        item.querySelector("[data-field=text]").textContent = row.text;
        const what = item.querySelector("[data-field=why]");
        what.textContent = row.state === "refused" ? `${this.words.sending.refused}: ${row.refusal.message}` : "";
        return item;
      }),
    );
  }

  level(ballistics) {
    const place = (value) => `${Math.max(0, Math.min(100, ((value + 60) / 60) * 100))}%`;
    this.parts.meter.style.setProperty("--level", place(ballistics.level));
    this.parts.meter.style.setProperty("--mark", place(ballistics.mark));
  }

  levelNumbers(peak, zone) {
    const { parts } = this;
    parts.peak.textContent = peak <= -90 ? "−∞" : decibels(peak);
    parts.meter.dataset.zone = zone;
    parts.meter.setAttribute("aria-valuenow", String(Math.round(Math.max(-60, peak))));
    parts.meter.setAttribute("aria-valuetext", `${Math.round(peak)} dBFS`);
    for (const each of parts.zone.children) each.hidden = each.dataset.zone !== zone;
  }

  microphone(microphone, devices, deviceId) {
    const { parts, words } = this;
    parts["microphone-line"].dataset.off = String(!microphone);
    if (!microphone) return;
    parts.rate.textContent = `${(microphone.sampleRate / 1000).toLocaleString(document.documentElement.lang)} kHz`;
    parts.device.replaceChildren(
      ...devices.map((device, i) => {
        const option = element("option", "", device.label || `${words.states.unknown_device} ${i + 1}`);
        option.value = device.deviceId;
        option.selected = device.deviceId === deviceId;
        return option;
      }),
    );
  }
}
