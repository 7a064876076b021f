// <review-list>: takes one after another by keys or by hand: listen, accept, send back with a reason, take it back.

import { post } from "../lib/http.js";
import { actionOf, step } from "./keys.js";

const SAID = { accept: "accepted", return: "returned", clear: "cleared" };

class ReviewList extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(document.getElementById("review-words").textContent);
    this.rows = [...this.querySelectorAll("[data-take]")];
    this.dialog = this.querySelector("[data-part=dialog]");
    this.reason = this.dialog.querySelector("input");
    this.at = -1;
    this.sending = Promise.resolve();
    this.audio = new Audio();
    for (const kind of ["ended", "pause", "playing"]) this.audio.addEventListener(kind, () => this.showPlaying());
    this.audio.addEventListener("error", () => this.playing && this.tell(this.words.unplayable, true));
    document.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("submit", (event) => this.submit(event));
    this.dialog.addEventListener("close", () => this.rows[this.at]?.focus());
  }

  key(event) {
    const action = actionOf(event, { dialogOpen: this.dialog.open });
    if (!action) return;
    event.preventDefault();
    if (action === "next" || action === "back") this.move(action);
    else if (this.at < 0) this.move("next");
    else if (action === "listen") this.listen(this.rows[this.at]);
    else this.ask(action, this.rows[this.at], { goOn: true });
  }

  click(event) {
    const row = event.target.closest("[data-take]");
    if (row) this.select(this.rows.indexOf(row), { focus: false });
    if (event.target.closest("[data-audio]")) this.listen(row);
    const ready = event.target.closest("[data-reason]");
    if (ready) {
      this.reason.value = ready.dataset.reason;
      this.reason.focus();
    }
    if (event.target.closest("[data-do=close]")) this.dialog.close();
  }

  submit(event) {
    event.preventDefault();
    if (event.target.closest("dialog")) {
      const { row, goOn } = this.asked;
      this.dialog.close();
      this.decide("return", row, { reason: this.reason.value, goOn });
    } else {
      this.ask(event.submitter.value, event.target.closest("[data-take]"), { goOn: false });
    }
  }

  select(place, { focus = true } = {}) {
    this.rows[this.at]?.removeAttribute("aria-current");
    this.at = place;
    const row = this.rows[place];
    row.setAttribute("aria-current", "true");
    if (focus) row.focus();
  }

  move(action, { listen = false } = {}) {
    const place = step(action, this.at, this.rows.length);
    if (place === null) {
      this.tell(this.words.end);
      return;
    }
    this.select(place);
    if (listen) this.listen(this.rows[place], { again: true });
    else this.audio.pause();
  }

  listen(row, { again = false } = {}) {
    const stop = !again && this.playing === row && !this.audio.paused;
    this.audio.pause();
    if (stop) return;
    this.playing = row;
    this.audio.src = row.querySelector("[data-audio]").dataset.audio;
    this.audio.play().catch((error) => {
      if (error.name !== "AbortError") this.tell(this.words.unplayable, true);
    });
  }

  showPlaying() {
    for (const row of this.rows) {
      const button = row.querySelector("[data-audio]");
      const on = row === this.playing && !this.audio.paused && !this.audio.ended;
      button.setAttribute("aria-pressed", String(on));
      button.firstElementChild.textContent = on ? "■" : "▶";
    }
  }

  /** A decision, after the reason was asked for where it needs one. */
  ask(decision, row, { goOn }) {
    const button = row.querySelector(`[name=decision][value=${decision}]`);
    if (button.disabled || (button.hidden && !row.waiting)) return;
    if (decision !== "return") {
      this.decide(decision, row, { goOn });
      return;
    }
    this.asked = { row, goOn };
    this.reason.value = row.dataset.decision === "returned" ? row.querySelector("[data-part=reason]").textContent : "";
    this.dialog.querySelector("[data-part=dialog-text]").textContent = row.querySelector("[data-part=text]").textContent;
    this.dialog.showModal();
    this.reason.focus();
  }

  /** The list goes on at once: a key that follows must not meet another row when the server is slow. */
  decide(decision, row, { reason = "", goOn = false } = {}) {
    const heard = this.playing === row || !this.audio.paused;
    row.waiting = (row.waiting ?? 0) + 1;
    this.sending = this.sending.then(() => this.send(decision, row, reason)); // in order, and never rejected
    if (goOn && decision !== "clear") this.move("next", { listen: heard });
  }

  async send(decision, row, reason) {
    const text = row.querySelector("[data-part=text]").textContent;
    try {
      this.show(row, await post(row.dataset.url, { decision, reason }));
      this.tell(this.words[SAID[decision]].replace("{text}", text));
    } catch (error) {
      this.tell(`${error.message || this.words.unreachable} (${text})`, true);
    } finally {
      row.waiting -= 1;
    }
  }

  show(row, { kept, decision, words, reason }) {
    row.dataset.decision = decision;
    row.querySelector("[data-part=kept]").hidden = !kept;
    row.querySelector("[name=decision][value=clear]").hidden = !decision;
    const badge = row.querySelector("[data-part=decision]");
    badge.hidden = !decision;
    badge.className = `badge ${decision === "accepted" ? "good" : "bad"}`;
    badge.textContent = words;
    row.querySelector("[data-part=reason]").textContent = reason;
  }

  tell(words, bad = false) {
    this.querySelector("[data-part=status]").textContent = bad ? "" : words;
    const problem = this.querySelector("[data-part=problem]");
    problem.hidden = !bad;
    problem.textContent = bad ? words : "";
  }
}

customElements.define("review-list", ReviewList);
