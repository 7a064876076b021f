// The takes of the prompt that is shown: hear one, choose one, take one out, take it back.

import { post, request } from "../lib/http.js";

export class TakeList {
  constructor(room) {
    this.room = room;
    this.takes = []; // newest first
    this.takenOut = null;
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

  async act(action, id) {
    const { room } = this;
    const take = this.takes.find((each) => each.id === id);
    if (!take || !room.idle) return;
    const address = `${room.dataset.clipsUrl}${id}/`;
    if (action === "hear") {
      await room.showStored(take);
      room.player.play();
    } else if (action === "choose") {
      await room.course.ask(() => post(`${address}keep`, {}));
    } else if (action === "take-out") {
      this.takenOut = id;
      if (room.shown?.id === id) room.forgetShown();
      await room.course.ask(() => request("DELETE", address));
      room.view.undo(true);
    }
  }

  async undo() {
    if (!this.takenOut || !this.room.idle) return;
    const id = this.takenOut;
    this.takenOut = null;
    this.room.view.undo(false);
    await this.room.course.ask(() => post(`${this.room.dataset.clipsUrl}${id}/restore`, {}));
  }
}
