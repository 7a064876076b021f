// Sends what the store holds, one after the other, until the server has it: after a failure, a reload, an outage.

import { post, Refusal } from "../lib/http.js";

/** What to do about a refusal: "retry" (later, the same again), "halt" (a person must act first), "refused" (never). */
export function judgeRefusal({ status, code }) {
  if (status === 401 || ["no_consent", "no_speaker", "other_person"].includes(code)) return "halt";
  if (status === 0 || status === 408 || status === 429 || status >= 500) return "retry";
  if (code === "damaged" || code === "csrf" || code === "failed") return "retry";
  return "refused";
}

/** Whether no take would get through now; else the fault may be this one's alone: the server stumbles over it. */
export function isOutage({ status, code }) {
  return code === "unreachable" || status === 408 || status === 429;
}

const STUMBLES = 2; // in a row, after which it is the server's own trouble, and the rest waits too

/** Milliseconds before the n-th attempt (from 0): doubling, at most 30 s, scattered by a third. */
export function waitBefore(attempt, random = Math.random()) {
  return Math.min(30000, 1000 * 2 ** attempt) * (1 - random / 3);
}

/** The form of one row, as `POST /clips/` reads it. */
export function formOf(row) {
  const form = new FormData();
  for (const name of ["id", "prompt", "sha256", "session", "device"]) form.set(name, row[name] ?? "");
  form.set("microphone", JSON.stringify(row.microphone ?? {}));
  form.set("audio", new Blob([row.wav], { type: "audio/wav" }), `${row.id}.wav`);
  return form;
}

/**
 * Fires "sent" (detail: {row, answer}), "refused" (detail: {row, refusal}) and "change" (detail: {waiting, refused,
 * problem}) where `problem` is the code of what stands in the way, or "".
 */
export class Sender extends EventTarget {
  constructor({ store, speaker, url, send = post }) {
    super();
    Object.assign(this, { store, speaker, url, send });
    this.attempt = 0;
    this.problem = "";
    this.failures = new Map(); // by id: what failed before goes behind what did not, and blocks nothing
    this.busy = false;
    this.again = false;
    globalThis.addEventListener?.("online", () => this.now());
    globalThis.document?.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.now();
    });
  }

  /** Tries at once, whatever the clock says. */
  now() {
    clearTimeout(this.timer);
    this.attempt = 0;
    return this.run();
  }

  /** Sends rows until none waits or something stands in the way. Calls while it runs make it look again. */
  async run() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      do {
        this.again = false;
        await this.#round();
      } while (this.again);
    } finally {
      this.busy = false;
      await this.tell();
    }
  }

  async #round() {
    const failures = (row) => this.failures.get(row.id) ?? 0;
    const rows = (await this.store.of(this.speaker)).filter((row) => row.state === "waiting");
    let stumbles = 0;
    this.stumbled = false;
    for (const row of rows.sort((a, b) => failures(a) - failures(b))) {
      const what = await this.#one(row);
      if (what === "stop") return;
      stumbles = what === "stumbled" ? stumbles + 1 : 0;
      if (stumbles === STUMBLES) return;
    }
  }

  /** One row: "sent", "refused", "stumbled" (again later), or "stop" when the ones behind it need not be tried now. */
  async #one(row) {
    try {
      const answer = await this.send(this.url, formOf(row));
      if (answer?.sha256 !== row.sha256) throw new Refusal(0, { code: "mismatch" });
      await this.store.delete(row.id);
      this.failures.delete(row.id);
      if (!this.stumbled) {
        this.attempt = 0;
        this.problem = "";
      }
      this.dispatchEvent(new CustomEvent("sent", { detail: { row, answer } }));
      await this.tell();
      return "sent";
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return this.#failed(row, error);
    }
  }

  async #failed(row, refusal) {
    const what = judgeRefusal(refusal);
    if (what === "refused") {
      row.state = "refused";
      row.refusal = { code: refusal.code, message: refusal.message };
      await this.store.put(row);
      this.dispatchEvent(new CustomEvent("refused", { detail: { row, refusal } }));
      return "refused";
    }
    this.problem = refusal.code;
    if (what === "halt") return "stop";
    if (!this.stumbled) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.run(), waitBefore(this.attempt));
      this.attempt += 1;
    }
    if (isOutage(refusal)) return "stop";
    this.stumbled = true;
    this.failures.set(row.id, (this.failures.get(row.id) ?? 0) + 1);
    return "stumbled";
  }

  async tell() {
    const rows = await this.store.of(this.speaker);
    const waiting = rows.filter((row) => row.state === "waiting").length;
    const detail = { waiting, refused: rows.length - waiting, problem: waiting ? this.problem : "" };
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }
}
