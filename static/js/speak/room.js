// The speaking room: write, see how it will be read, hear it sentence by sentence, and again what was said before.
import { get, post, request } from "../lib/http.js";
import { LiveFeed } from "../lib/live.js";
import { SentencePlayer } from "./player.js";
import { ReadingPanel, choicesIn } from "./reading-panel.js";
import { SentenceList } from "./sentences.js";
import { Wave } from "./wave.js";
import { clock } from "./timeline.js";

const READ_DELAY = 250; // ms after the last key

class SpeakRoom extends HTMLElement {
  connectedCallback() {
    this.words = { ...document.querySelector("#speak-words").dataset };
    this.find = (name) => this.querySelector(`[data-${name}]`);
    this.form = this.querySelector("form.compose");
    this.text = this.form.elements.text;
    this.player = new SentencePlayer();
    this.list = new SentenceList(this.find("sentences"), this.words, (index) => this.player.play(index));
    this.wave = new Wave(this.find("wave"), this.player);
    this.reading = new ReadingPanel(this, this.words);
    this.#listenToForm();
    this.#listenToPlayer();
    this.#listenToHistory();
    for (const element of this.querySelectorAll("[data-script-only]")) element.hidden = false;
    if (/Mac|iPhone|iPad/.test(navigator.platform)) this.find("speak-key").textContent = "⌘ ⏎";
    const opened = JSON.parse(document.querySelector("#utterance-state").textContent);
    if (opened) {
      this.reading.choices = opened.choices;
      this.#open(opened);
    }
    this.#typed();
  }

  disconnectedCallback() {
    this.feed?.close();
    this.player.clear();
  }

  // --- writing

  #listenToForm() {
    this.text.addEventListener("input", () => this.#typed());
    this.form.elements.voice.addEventListener("change", () => {
      this.#remember();
      this.#warn();
      this.#typed();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#speak(0);
    });
    this.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
        event.preventDefault();
        this.#speak(0);
      }
    });
    this.find("examples").addEventListener("click", (event) => {
      const button = event.target.closest("[data-example]");
      if (!button) return;
      this.text.value = button.dataset.example;
      this.text.focus();
      this.#typed();
    });
    this.#recall();
    this.#warn();
  }

  /** Without a voice there is nothing to write to; what was said is still there to be heard. */
  get #mute() {
    return this.form.hidden;
  }

  #typed() {
    if (this.#mute) return;
    const text = this.text.value;
    this.find("count").textContent = text.length.toLocaleString(document.documentElement.lang);
    this.find("examples").hidden = text.trim() !== "";
    this.#complain("");
    clearTimeout(this.readTimer);
    this.reading.outdated();
    this.readTimer = setTimeout(() => this.#read(text), text.trim() ? READ_DELAY : 0);
  }

  async #read(text) {
    try {
      await this.reading.read(text);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.reading.clear();
      this.#complain(this.#wordsOf(error));
    }
  }

  #complain(message) {
    const place = this.find("text-error");
    place.textContent = message;
    place.hidden = message === "";
    this.text.toggleAttribute("aria-invalid", false);
    if (message) this.text.setAttribute("aria-invalid", "true");
  }

  /** The voice of the last time, in this browser. */
  #recall() {
    const voice = this.form.elements.voice;
    const wanted = new URLSearchParams(location.search).get("voice") ?? localStorage.getItem("moksori-voice");
    const opened = document.querySelector("#utterance-state").textContent !== "null";
    if (wanted && !opened && [...voice.options].some((option) => option.value === wanted)) voice.value = wanted;
  }

  /** What to know of the voice at hand: it learned to read otherwise than is read to it now. */
  #warn() {
    const warning = this.form.elements.voice.selectedOptions[0]?.dataset.warning ?? "";
    const place = this.find("voice-warning");
    place.textContent = warning;
    place.hidden = warning === "";
  }

  #remember() {
    localStorage.setItem("moksori-voice", this.form.elements.voice.value);
  }

  // --- speaking

  async #speak(seed, { text = this.text.value, voice = this.form.elements.voice.value, choices = this.reading.choices } = {}) {
    if (this.#mute) return;
    if (this.asking || !text.trim()) {
      this.text.focus();
      return;
    }
    this.asking = true;
    const before = this.state;
    this.#clearPlayer(voice);
    this.player.unlock();
    try {
      const dictionary = choicesIn(text, choices);
      const state = await post(this.dataset.createUrl, { text, voice, seed, dictionary });
      this.#remember();
      this.#complain("");
      this.#open(state);
      this.player.play(0);
      history.replaceState(null, "", state.urls.page);
      this.#refreshHistory();
    } catch (error) {
      if (before) this.#open(before);
      else this.find("player").hidden = true;
      this.#complain(this.#wordsOf(error));
      this.text.focus();
    } finally {
      this.asking = false;
    }
  }

  /** An empty player for the text that is just being asked for. */
  #clearPlayer(voice) {
    const label = [...this.form.elements.voice.options].find((option) => option.value === voice)?.textContent ?? voice;
    this.#open({ state: "queued", voice: { name: voice, label }, sentences: [], plan: [], queue_position: 0 });
  }

  /** Shows an utterance, new or old, and follows it until it ends. */
  #open(state) {
    this.feed?.close();
    this.player.clear();
    this.list.clear();
    this.state = state;
    this.find("player").hidden = false;
    this.find("player-voice").textContent = state.voice.label;
    this.find("error").hidden = true;
    for (const sentence of state.sentences) this.#heard(sentence);
    this.list.expect(state.plan);
    this.#showState();
    if (this.#ended) this.player.finish();
    else if (state.urls) this.#follow(state);
    for (const item of this.querySelectorAll("[data-utterance]")) {
      item.toggleAttribute("data-current", item.dataset.utterance === state.id);
    }
    this.#tick();
  }

  #follow(state) {
    const feed = new LiveFeed(state.urls.socket, { after: state.last_seq });
    this.feed = feed;
    feed.addEventListener("event", ({ detail }) => feed === this.feed && this.#happened(detail));
    feed.addEventListener("snapshot", ({ detail }) => {
      if (feed !== this.feed) return;
      if (detail.state === "deleted") {
        feed.close();
        this.#goneWhileSpoken();
        return;
      }
      const { queue_position, failures } = detail;
      Object.assign(this.state, { queue_position, failures, state: this.#ended ? this.state.state : detail.state });
      this.#showState();
    });
    feed.addEventListener("state", ({ detail }) => {
      if (feed !== this.feed) return;
      if (detail === "gone") {
        this.lost = "";
        this.#goneWhileSpoken();
        return;
      }
      this.lost = { waiting: this.words.lost, "signed-out": this.words.signedOut }[detail] ?? "";
      this.#showState();
    });
  }

  #happened({ seq, kind, data }) {
    this.state.last_seq = seq;
    if (kind === "split") {
      this.state.sentence_count = data.sentences;
      this.state.state = "speaking";
    } else if (kind === "sentence") {
      this.state.sentences.push(data);
      Object.assign(this.state, { state: "speaking", failures: 0 });
      this.#heard(data);
    } else if (kind === "end") {
      Object.assign(this.state, data);
      this.feed.close();
      this.lost = "";
      this.player.finish();
      this.list.end();
      this.#refreshHistory(this.page);
    }
    this.#showState();
  }

  /** Deleted in another window: what was heard can be heard no more, and nothing will come. */
  #goneWhileSpoken() {
    this.state.state = "stopped";
    this.list.end();
    this.player.finish();
    this.#showState();
    this.#fail(this.words.gone);
  }

  #heard(sentence) {
    this.list.add(sentence);
    this.player.add(sentence);
  }

  get #ended() {
    return ["done", "stopped", "failed"].includes(this.state.state);
  }

  #showState() {
    const { state, sentence_count: total, queue_position: before, failures } = this.state;
    const done = this.player.sentences.length;
    const restarting = failures ? this.words.restarting : "";
    const words = {
      queued: restarting || (before > 0 ? fill(this.words.queuedBehind, { count: before }) : this.words.queued),
      speaking: restarting || (total ? fill(this.words.makingShort, { done, total }) : this.words.loading),
      done: this.words.done,
      stopped: this.words.stopped,
      failed: this.words.failed,
    };
    const badge = this.find("state");
    badge.textContent = this.lost || words[state];
    badge.className = `badge ${{ queued: "busy", speaking: "busy", done: "good", failed: "bad" }[state] ?? ""}`;
    badge.dataset.value = state;
    this.#announce(state === "speaking" && total && !restarting ? fill(this.words.making, { done, total }) : words[state]);
    this.find("stop").hidden = this.#ended || !this.state.urls;
    this.find("again").hidden = !this.#ended || this.#mute;
    const download = this.find("download");
    download.hidden = !this.state.download;
    if (this.state.download) download.href = this.state.download;
    if (state === "failed") this.#fail(this.state.error?.message || this.words.broken);
    this.find("toggle").disabled = done === 0;
  }

  #announce(words) {
    const place = this.find("announce");
    if (place.textContent !== words) place.textContent = words;
  }

  #fail(message) {
    const place = this.find("error");
    place.textContent = message;
    place.hidden = false;
  }

  #wordsOf(error) {
    if (error.code === "unreachable") return this.words.unreachable;
    return error.message || this.words.broken;
  }

  // --- hearing

  #listenToPlayer() {
    this.find("toggle").addEventListener("click", () => {
      if (this.player.sounding) this.player.pause();
      else this.player.play();
    });
    this.find("stop").addEventListener("click", async () => {
      this.player.stop();
      try {
        await post(this.state.urls.stop, {});
      } catch (error) {
        this.#fail(this.#wordsOf(error));
      }
    });
    this.find("again").addEventListener("click", () => {
      const seed = 1 + Math.floor(Math.random() * 2147483646);
      this.#speak(seed, { text: this.state.text, voice: this.state.voice.name, choices: this.state.choices });
    });
    this.player.addEventListener("change", () => this.#showPlaying());
    this.player.addEventListener("sentence", ({ detail }) => this.list.point(detail));
    this.player.addEventListener("bars", () => this.wave.draw());
    this.player.addEventListener("failed", () => this.#fail(this.words.noSound));
  }

  #showPlaying() {
    const sounding = this.player.sounding;
    this.dataset.playing = this.player.state;
    const toggle = this.find("toggle");
    toggle.setAttribute("aria-label", sounding ? this.words.pause : this.words.play);
    this.find("toggle-icon").textContent = sounding ? "❚❚" : "▶";
    if (this.player.state === "ended") this.list.point(-1);
    this.#tick();
  }

  /** Keeps the clock and the waveform going while there is sound. */
  #tick() {
    cancelAnimationFrame(this.frame);
    const position = this.player.position?.seconds ?? 0;
    const seconds = this.player.state === "ended" ? 0 : position;
    this.find("time").textContent = `${clock(seconds)} / ${clock(this.player.seconds)}`;
    this.wave.draw(seconds);
    if (this.player.sounding) this.frame = requestAnimationFrame(() => this.#tick());
  }

  // --- what was said before

  #listenToHistory() {
    const history = this.find("history");
    history.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      const link = event.target.closest("[data-open], [data-page]");
      if (!link) return;
      event.preventDefault();
      if (link.dataset.page) this.#refreshHistory(link.dataset.page);
      else this.#reopen(link);
    });
    history.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#delete(event.target);
    });
  }

  async #reopen(link) {
    this.player.unlock();
    try {
      const state = await get(link.dataset.open);
      this.#open(state);
      this.text.value = state.text;
      this.reading.choices = state.choices;
      if ([...this.form.elements.voice.options].some((option) => option.value === state.voice.name)) {
        this.form.elements.voice.value = state.voice.name;
        this.#warn();
      }
      this.#typed();
      globalThis.history.replaceState(null, "", state.urls.page);
      this.find("player").scrollIntoView({ block: "nearest", behavior: "smooth" });
      if (state.sentences.length || !this.#ended) this.player.play(0);
      this.#complainOfHistory("");
    } catch (error) {
      this.#missed(error);
    }
  }

  async #delete(form) {
    const item = form.closest("[data-utterance]");
    const text = item.querySelector(".history-text").textContent;
    if (!confirm(`${this.words.confirmDelete}\n\n${text}`)) return;
    try {
      await request("POST", form.action, {});
      item.remove();
      this.find("history-announce").textContent = this.words.deleted;
      this.#complainOfHistory("");
      if (this.state?.id === item.dataset.utterance) {
        this.feed?.close();
        this.player.clear();
        this.find("player").hidden = true;
        globalThis.history.replaceState(null, "", this.dataset.pageUrl);
      }
      this.#refreshHistory(this.page);
    } catch (error) {
      this.#missed(error);
    }
  }

  /** A text of the list that was not to be had: gone in another window, or out of reach. */
  #missed(error) {
    const gone = error.status === 404;
    this.#complainOfHistory(gone ? this.words.gone : this.#wordsOf(error));
    if (gone) this.#refreshHistory(this.page);
  }

  /** Beside the list, since the player may not be there. */
  #complainOfHistory(message) {
    const place = this.find("history-error");
    place.textContent = message;
    place.hidden = message === "";
  }

  async #refreshHistory(page = 1) {
    this.page = page;
    const response = await fetch(`${this.dataset.historyUrl}?page=${page}`, { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok || response.redirected) return;
    this.find("history").innerHTML = await response.text();
    for (const item of this.querySelectorAll("[data-utterance]")) {
      item.toggleAttribute("data-current", item.dataset.utterance === this.state?.id);
    }
  }
}

function fill(words, values) {
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

customElements.define("speak-room", SpeakRoom);
