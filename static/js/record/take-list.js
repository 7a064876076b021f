// The takes of the prompt that is shown: hear one, choose one, take one out, move its edges, and take all that back.

import { post, Refusal, request } from "../lib/http.js";

export class TakeList {
  constructor(room) {
    this.room = room;
    this.takes = []; // newest first
    this.noted = null; // the take that a note is written on
    room.view.parts["note-form"].addEventListener("submit", () => this.#note(room.view.parts["note-text"].value));
    room.addEventListener("click", (event) => {
      const button = event.target.closest("[data-take-do]");
      const row = button?.closest("[data-id]");
      if (row) this.act(button.dataset.takeDo, row.dataset.id);
    });
  }

  /** The one to show first: the kept one, else the newest. */
  get first() {
    return this.takes.find((each) => each.kept) ?? this.takes[0];
  }

  show(takes) {
    this.takes = takes;
    this.refresh();
  }

  refresh() {
    this.room.view.takes(this.takes, this.room.shown?.id);
  }

  /** A take of this prompt has been judged: it comes first, and may be the kept one now. */
  add(take) {
    const others = this.takes.filter((each) => each.id !== take.id);
    this.show([take, ...others.map((each) => ({ ...each, kept: each.kept && !take.kept }))]);
  }

  /** The server knows a take better: only what is shown of it changes. */
  replace(take) {
    this.show(this.takes.map((each) => (each.id === take.id ? take : each)));
    if (this.room.shown?.id === take.id) this.room.show(take);
  }

  async act(action, id) {
    const { room } = this;
    const take = this.takes.find((each) => each.id === id);
    if (!take || !room.idle) return;
    if (action === "hear") {
      await room.showStored(take);
      room.player.play();
    } else if (action === "choose") {
      await room.course.ask(() => post(this.#address(id, "keep"), {}));
    } else if (action === "take-out") {
      await this.#takeOut(id);
    } else if (action === "note") {
      this.noted = take;
      room.view.parts["note-text"].value = take.note;
      room.view.parts["note-dialog"].showModal();
    }
  }

  async #note(note) {
    const { id } = this.noted;
    try {
      this.replace(await post(this.#address(id, "note"), { note }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.room.view.notice(error.message || this.room.words.sending.unreachable);
    }
  }

  async #takeOut(id) {
    const { room } = this;
    if (room.shown?.id === id) room.forgetShown();
    const done = await room.course.ask(() => request("DELETE", this.#address(id, "")));
    if (!done) return;
    const back = () => room.idle && room.course.ask(() => post(this.#address(id, "restore"), {}));
    room.undos.push(room.words.states.taken_out, back);
  }

  /** Moves the edges of a take; `before`: where they were, for the way back. */
  trim(id, trim, before) {
    const moved = this.#trim(id, trim);
    this.room.undos.push(this.room.words.states.trimmed, async () => !(await moved) || this.#trim(id, before));
  }

  /** One request after the other, so that the last word is the last one said; whether the server took it. */
  #trim(id, trim) {
    this.trimming = (this.trimming ?? Promise.resolve()).then(() => this.#sendTrim(id, trim));
    return this.trimming;
  }

  async #sendTrim(id, { start, end, moved = true }) {
    const { room } = this;
    try {
      const take = await post(this.#address(id, "trim"), moved ? { start, end } : {});
      this.replace(take);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      room.view.notice(error.message || room.words.sending.unreachable);
      const take = this.takes.find((each) => each.id === id);
      if (take) this.replace({ ...take, trim: { ...take.trim } }); // as the server has it
      return false;
    }
  }

  #address(id, what) {
    return `${this.room.dataset.clipsUrl}${id}/${what}`;
  }
}
