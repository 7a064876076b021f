// The two edges of the part that training uses, over the waveform: by mouse, finger and keyboard. Nothing is cut.

import { fill } from "./view.js";

const STEP = 0.01; // seconds that an arrow key moves an edge
const STRIDE = 0.1; // with the page keys, or with shift
const SAVE_MS = 500; // after the last key

/** `trim` ({start, end, least, most}, seconds) with one edge moved to `to`: inside of the take, `least` from the other. */
export function moveEdge(trim, edge, to) {
  const { start, end, least, most } = trim;
  const bounded = edge === "start" ? Math.min(Math.max(0, to), end - least) : Math.max(Math.min(most, to), start + least);
  return { ...trim, [edge]: Math.round(1000 * bounded) / 1000 };
}

/** Where a key moves an edge that is at `value`, or null when the key means nothing here. */
export function keyTarget({ key, shiftKey = false }, value, most) {
  const step = shiftKey ? STRIDE : STEP;
  const targets = {
    ArrowLeft: value - step,
    ArrowDown: value - step,
    ArrowRight: value + step,
    ArrowUp: value + step,
    PageDown: value - STRIDE,
    PageUp: value + STRIDE,
    Home: 0,
    End: most,
  };
  return targets[key] ?? null;
}

/** Fires "move" (detail: trim) while an edge moves and "settle" (detail: {id, trim, before}) when it has come to rest. */
export class Trimmer extends EventTarget {
  constructor({ frame, words }) {
    super();
    this.frame = frame;
    this.words = words;
    this.handles = { start: frame.querySelector("[data-edge=start]"), end: frame.querySelector("[data-edge=end]") };
    this.trim = null;
    this.before = null; // as it was before the edge began to move
    for (const [edge, handle] of Object.entries(this.handles)) {
      handle.addEventListener("pointerdown", (event) => this.#grab(event, edge));
      handle.addEventListener("pointermove", (event) => this.#drag(event, edge));
      for (const kind of ["pointerup", "pointercancel"]) handle.addEventListener(kind, (event) => this.#drop(event));
      handle.addEventListener("keydown", (event) => this.#key(event, edge));
      handle.addEventListener("blur", () => this.#settle());
    }
  }

  /** Shows the edges of the take `id`; null: there is none that could be cut. The same ones again change nothing. */
  show(trim, id) {
    if (trim === this.given) return;
    this.#settle();
    Object.assign(this, { trim, id, given: trim });
    this.frame.hidden = !trim;
    if (trim) this.#place();
  }

  #place() {
    const { start, end, least, most } = this.trim;
    const bounds = { start: [0, end - least, start], end: [start + least, most, end] };
    this.frame.style.setProperty("--start", `${(100 * start) / most}%`);
    this.frame.style.setProperty("--end", `${(100 * end) / most}%`);
    for (const [edge, [lowest, highest, now]] of Object.entries(bounds)) {
      const handle = this.handles[edge];
      handle.setAttribute("aria-valuemin", lowest.toFixed(3));
      handle.setAttribute("aria-valuemax", highest.toFixed(3));
      handle.setAttribute("aria-valuenow", now.toFixed(3));
      handle.setAttribute("aria-valuetext", fill(this.words.seconds, { n: now.toFixed(2) }));
    }
  }

  #to(edge, seconds) {
    this.before ??= this.trim;
    this.trim = moveEdge(this.trim, edge, seconds);
    this.#place();
    this.dispatchEvent(new CustomEvent("move", { detail: this.trim }));
  }

  #grab(event, edge) {
    if (event.button !== 0) return;
    event.preventDefault();
    const { left, width } = this.frame.getBoundingClientRect();
    this.handles[edge].setPointerCapture(event.pointerId);
    this.handles[edge].focus({ preventScroll: true });
    // The edge stays where it was under the finger, which seldom meets it exactly.
    this.grabbed = { edge, left, width, shift: event.clientX - left - (width * this.trim[edge]) / this.trim.most };
  }

  #drag(event, edge) {
    if (this.grabbed?.edge !== edge) return;
    const { left, width, shift } = this.grabbed;
    this.#to(edge, ((event.clientX - left - shift) / width) * this.trim.most);
  }

  #drop() {
    if (!this.grabbed) return;
    this.grabbed = null;
    this.#settle();
  }

  #key(event, edge) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = keyTarget(event, this.trim[edge], this.trim.most);
    if (target === null) return;
    event.preventDefault();
    event.stopPropagation(); // arrows lead from prompt to prompt elsewhere
    this.#to(edge, target);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#settle(), SAVE_MS);
  }

  #settle() {
    clearTimeout(this.timer);
    const { before, trim, id } = this;
    if (!before) return;
    this.before = null;
    if (before.start === trim.start && before.end === trim.end) return;
    this.dispatchEvent(new CustomEvent("settle", { detail: { id, trim, before } }));
  }
}
