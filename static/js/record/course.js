// From prompt to prompt: by the server, and without it by the prompts in reserve.

import { post, Refusal } from "../lib/http.js";

export class Course {
  /** `room`: the recorder; it shows a state with `apply`. */
  constructor(room) {
    this.room = room;
    this.back = []; // prompts that were left without the server's help
    this.upcoming = []; // prompts in reserve
    this.adrift = false;
    this.asking = false;
  }

  /** Asks the server to move, `fields` besides. */
  move(action, fields = {}) {
    const { room } = this;
    if (!room.idle || (!room.prompt && !["back", "open"].includes(action))) return false;
    const body = { action, prompt: room.prompt?.id, ...fields };
    return this.ask(() => post(room.dataset.moveUrl, body), action);
  }

  /** Asks the server for a new state; without it, an `action` that moves goes on with the prompts in reserve. */
  async ask(send, action = "") {
    if (this.asking) return false;
    this.asking = true;
    try {
      this.room.apply(await send());
      this.back = [];
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const away = error.status === 0 || error.status >= 500;
      if (away && action && action !== "open") this.drift(action);
      else this.room.view.notice(error.message || this.room.words.sending.unreachable);
      return false;
    } finally {
      this.asking = false;
    }
  }

  drift(action) {
    const { room } = this;
    const backwards = action === "back";
    const target = backwards ? this.back.pop() : this.upcoming.shift();
    if (!target) {
      room.view.notice(room.words.states.offline_end);
      return;
    }
    if (!backwards) this.back.push(room.prompt);
    else this.upcoming.unshift(room.prompt);
    this.adrift = true;
    const { upcoming } = this;
    room.apply({ prompt: { ...target, number: undefined }, takes: [], upcoming, progress: room.progress });
  }

  /** The server is back: it is told where the speaker stands by now. */
  async settle() {
    const { room } = this;
    if (!this.adrift || this.asking || !room.idle || !room.prompt) return;
    this.adrift = !(await this.move("open"));
  }
}
