// The dialog with all sentences: search, what is recorded, and the way to any of them.

import { get, Refusal } from "../lib/http.js";
import { counted } from "./view.js";

const TYPED_MS = 200; // after the last letter

export class PromptList {
  constructor(room) {
    this.room = room;
    this.dialog = room.view.parts["list-dialog"];
    const part = (name) => this.dialog.querySelector(`[data-part=${name}]`);
    Object.assign(this, { search: part("list-search"), only: part("list-only"), rows: part("list-rows"), say: part("list-say"), more: part("list-more") });
    this.search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(), TYPED_MS);
    });
    this.only.addEventListener("change", () => this.load());
    this.more.addEventListener("click", () => this.load(this.rows.childElementCount));
    this.rows.addEventListener("click", (event) => {
      const button = event.target.closest("[data-prompt]");
      if (button) this.choose(Number(button.dataset.prompt));
    });
  }

  async show() {
    if (!this.room.idle) return;
    this.dialog.showModal();
    this.search.select();
    await this.load();
  }

  /** Loads the rows from `offset` on; an answer that a later question has overtaken is thrown away. */
  async load(offset = 0) {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const query = new URLSearchParams({ q: this.search.value, only: this.only.value, offset });
    try {
      const { rows, total, more } = await get(`${this.room.dataset.promptsUrl}?${query}`, { signal: asked.signal });
      const made = rows.map((row) => this.#row(row));
      if (offset) this.rows.append(...made);
      else this.rows.replaceChildren(...made);
      this.more.hidden = !more;
      const { words } = this.room;
      this.say.textContent = total ? counted(words.list.found, total) : words.list.none;
    } catch (error) {
      if (asked.signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      this.say.textContent = error.message || this.room.words.sending.unreachable;
    }
  }

  async choose(prompt) {
    this.dialog.close();
    await this.room.course.move("open", { prompt });
  }

  #row(row) {
    const { words } = this.room;
    const item = this.room.querySelector("template[data-list-row]").content.firstElementChild.cloneNode(true);
    const button = item.querySelector("button");
    button.dataset.prompt = row.id;
    if (row.id === this.room.prompt?.id) button.setAttribute("aria-current", "true");
    const field = (name) => item.querySelector(`[data-field=${name}]`);
    field("number").textContent = row.number;
    field("text").textContent = row.text;
    field("state").hidden = !row.takes && !row.skipped;
    field("state").textContent = row.takes ? counted(words.list.takes, row.takes) : row.skipped;
    field("state").classList.add(row.kept ? "good" : row.takes ? "warn" : "skipped");
    return item;
  }
}
