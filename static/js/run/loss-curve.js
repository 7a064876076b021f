// <loss-curve>: training and held-out loss over the steps. Pointer or arrow keys read values off it.
import { count, fill, loss } from "./format.js";
import { addPoint, extent, linearTicks, logHelps, logTicks, nearest, padded, path, scale, smooth, thin } from "./scales.js";

const SVG = "http://www.w3.org/2000/svg";
const POINTS = 600;
const WINDOW = 15; // points that the thick line is the mean of, at most
const MARGIN = { top: 28, right: 12, bottom: 40, left: 52 };

function draw(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export class LossCurve extends HTMLElement {
  /** `curves`: {train, held_out} of [step, loss]; `words`: what the page's script was given. */
  show(curves, words) {
    this.curves = curves;
    this.words = { ...words, y_axis: this.dataset.axis ?? words.y_axis };
    this.logarithmic = null; // until a person chooses, the values do
    this.at = null;
    this.#build();
    new ResizeObserver(() => this.#later()).observe(this.plot);
    this.#later();
  }

  /** The figure among a model's losses that both lines show. */
  get figure() {
    return this.dataset.figureName ?? "loss";
  }

  /** One more point of "train" or "held_out". */
  add(name, step, value) {
    if (!this.curves || !Number.isFinite(value)) return;
    addPoint(this.curves[name], step, value);
    this.closest("section")?.removeAttribute("hidden");
    if (this.curves[name].length > 2 * POINTS) this.curves[name] = thin(this.curves[name], POINTS);
    this.#later();
  }

  #build() {
    const { words } = this;
    this.toggle = make("button", { type: "button", class: "button small", "aria-pressed": "false" }, words.log_scale);
    this.toggle.addEventListener("click", () => {
      this.logarithmic = !this.isLogarithmic;
      this.#later();
    });
    const line = (name) => draw("svg", { viewBox: "0 0 28 12", "aria-hidden": "true" }, draw("path", { class: name, d: "M1,6H27" }));
    const held = line("curve-held");
    held.append(draw("circle", { class: "curve-dot", cx: 14, cy: 6, r: 3.5 }));
    const legend = make(
      "div",
      { class: "legend" },
      make("span", {}, line("curve-train"), words.train),
      make("span", {}, held, words.held_out),
    );
    this.readout = make("p", { class: "readout", "aria-live": "off" });
    this.plot = make("div", {
      class: "plot",
      tabindex: "0",
      role: "slider",
      "aria-label": fill(words.curve, { part: this.dataset.label }),
      "aria-valuemin": "0",
      "aria-valuemax": "0",
      "aria-valuenow": "0",
    });
    this.summary = make("p", { class: "hint" });
    this.replaceChildren(make("div", { class: "curve-head" }, legend, this.readout, this.toggle), this.plot, this.summary);
    this.plot.addEventListener("pointermove", (event) => this.#point(event.clientX));
    this.plot.addEventListener("pointerdown", (event) => this.#point(event.clientX));
    this.plot.addEventListener("pointerleave", () => this.#look(null));
    this.plot.addEventListener("blur", () => this.#look(null));
    this.plot.addEventListener("focus", () => {
      if (this.plot.matches(":focus-visible")) this.#look(this.#steps().at(-1) ?? null);
    });
    this.plot.addEventListener("keydown", (event) => this.#key(event));
  }

  get isLogarithmic() {
    const range = extent([this.curves.train, this.curves.held_out]);
    if (!range || range[0] <= 0) return false;
    return this.logarithmic ?? logHelps(range);
  }

  #later() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.#draw();
    });
  }

  #draw() {
    const { train, held_out: heldOut } = this.curves;
    const range = extent([train, heldOut]);
    this.toggle.hidden = !range || range[0] <= 0;
    this.#summarise();
    if (!range) {
      this.plot.replaceChildren(make("p", { class: "empty" }, this.words.no_points));
      return;
    }
    const width = Math.max(240, this.plot.clientWidth);
    const height = Math.round(Math.min(320, Math.max(200, width * 0.42)));
    const logarithmic = this.isLogarithmic;
    this.toggle.setAttribute("aria-pressed", String(logarithmic));
    const values = padded(range, logarithmic);
    const last = Math.max(train.at(-1)?.[0] ?? 0, heldOut.at(-1)?.[0] ?? 0);
    const first = Math.min(train[0]?.[0] ?? Infinity, heldOut[0]?.[0] ?? Infinity);
    this.x = scale([Math.min(first, last), Math.max(last, first + 1)], [MARGIN.left, width - MARGIN.right]);
    this.y = scale(values, [height - MARGIN.bottom, MARGIN.top], logarithmic);
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    this.#axes(svg, { width, height, values, logarithmic, steps: [first, last] });
    const shown = thin(train, POINTS);
    const window = Math.min(WINDOW, Math.floor(shown.length / 10));
    if (window > 1) svg.append(draw("path", { class: "curve-raw", d: path(shown, this.x, this.y) }));
    svg.append(draw("path", { class: "curve-train", d: path(smooth(shown, window), this.x, this.y) }));
    svg.append(draw("path", { class: "curve-held", d: path(heldOut, this.x, this.y) }));
    if (heldOut.length <= 60) {
      for (const [step, value] of heldOut) {
        svg.append(draw("circle", { class: "curve-dot", cx: this.x(step), cy: this.y(value), r: 3.5 }));
      }
    }
    this.marks = draw("g");
    svg.append(this.marks);
    this.bottom = height - MARGIN.bottom;
    this.plot.replaceChildren(svg);
    this.plot.setAttribute("aria-valuemin", String(first));
    this.plot.setAttribute("aria-valuemax", String(last));
    if (this.at === null) this.plot.setAttribute("aria-valuenow", String(last));
    this.#look(this.at);
  }

  #axes(svg, { width, height, values, logarithmic, steps }) {
    const bottom = height - MARGIN.bottom;
    for (const tick of logarithmic ? logTicks(...values) : linearTicks(...values)) {
      const y = this.y(tick);
      svg.append(draw("line", { class: "curve-grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }));
      svg.append(draw("text", { class: "curve-text", x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, String(tick)));
    }
    for (const tick of linearTicks(...steps, width < 480 ? 4 : 8).filter(Number.isInteger)) {
      const x = this.x(tick);
      svg.append(draw("line", { class: "curve-axis", x1: x, x2: x, y1: bottom, y2: bottom + 5 }));
      svg.append(draw("text", { class: "curve-text", x, y: bottom + 19, "text-anchor": "middle" }, count(tick)));
    }
    svg.append(draw("line", { class: "curve-axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: bottom, y2: bottom }));
    svg.append(
      draw("text", { class: "curve-text", x: width - MARGIN.right, y: height - 4, "text-anchor": "end" }, this.words.x_axis),
      // From the left edge on: a long name would stick out of the card on that side.
      draw("text", { class: "curve-text", x: 0, y: 12 }, this.words.y_axis),
    );
  }

  #steps() {
    return this.curves.train.length ? this.curves.train.map(([step]) => step) : this.curves.held_out.map(([step]) => step);
  }

  #point(clientX) {
    if (!this.x) return;
    const box = this.plot.getBoundingClientRect();
    const steps = this.#steps();
    const wanted = clientX - box.left;
    this.#look(steps.reduce((best, step) => (Math.abs(this.x(step) - wanted) < Math.abs(this.x(best) - wanted) ? step : best), steps[0]));
  }

  #key(event) {
    const steps = this.#steps();
    if (!steps.length) return;
    const here = this.at === null ? steps.length - 1 : Math.max(0, steps.indexOf(nearest(this.curves.train.length ? this.curves.train : this.curves.held_out, this.at)[0]));
    const far = Math.max(1, Math.round(steps.length / 10));
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -far, PageUp: far, Home: -steps.length, End: steps.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.#look(steps[Math.min(steps.length - 1, Math.max(0, here + moves[event.key]))]);
  }

  /** Mark a step on both lines and say its values; null: nothing is looked at. */
  #look(step) {
    this.at = step;
    if (!this.marks) return;
    this.marks.replaceChildren();
    this.readout.textContent = this.words.look;
    if (step === null || step === undefined) return;
    const train = nearest(this.curves.train, step);
    const held = nearest(this.curves.held_out, step);
    const x = this.x(step);
    this.marks.append(draw("line", { class: "curve-cursor", x1: x, x2: x, y1: MARGIN.top, y2: this.bottom }));
    const said = [make("b", {}, fill(this.words.step, { step: count(step) }))];
    const tell = (point, name, mark) => {
      if (!point) return;
      this.marks.append(draw("circle", { class: mark, cx: this.x(point[0]), cy: this.y(point[1]), r: 5 }));
      const where = point[0] === step ? "" : ` (${fill(this.words.step, { step: count(point[0]) })})`;
      said.push(` · ${name} `, make("b", {}, loss(point[1])), where);
    };
    tell(train, this.words.train, "curve-mark-train");
    tell(held, this.words.held_out, "curve-mark-held");
    this.readout.replaceChildren(...said);
    this.plot.setAttribute("aria-valuenow", String(step));
    this.plot.setAttribute("aria-valuetext", this.readout.textContent);
  }

  #summarise() {
    const { train, held_out: heldOut } = this.curves;
    if (train.length < 2) {
      this.summary.textContent = "";
      return;
    }
    const values = { train_first: loss(train[0][1]), train_last: loss(train.at(-1)[1]) };
    if (heldOut.length < 2) {
      this.summary.textContent = fill(this.words.summary_one, values);
      return;
    }
    const held = { held_first: loss(heldOut[0][1]), held_last: loss(heldOut.at(-1)[1]) };
    this.summary.textContent = fill(this.words.summary, { ...values, ...held });
  }
}

customElements.define("loss-curve", LossCurve);
