// The shape of the sound, as bars: what was heard in colour, what is to come in grey. A click plays from there.
import { squeeze, startOf } from "./timeline.js";

const BAR = 3; // pixels
const GAP = 2;

export class Wave {
  constructor(canvas, player) {
    this.canvas = canvas;
    this.player = player;
    this.at = 0;
    this.canvas.addEventListener("click", (event) => {
      if (!player.sentences.length) return;
      const box = canvas.getBoundingClientRect();
      player.seek(((event.clientX - box.left) / box.width) * player.seconds);
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** `seconds`: how much of it was heard. */
  draw(seconds = this.at) {
    this.at = seconds;
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const room = Math.floor((width + GAP) / (BAR + GAP));
    const bars = this.#bars(room);
    const loudest = Math.max(0.05, ...bars);
    const heard = this.player.seconds ? (seconds / this.player.seconds) * room : 0;
    bars.forEach((value, index) => {
      const tall = Math.max(2, (value / loudest) * (height - 6));
      pen.fillStyle = style.getPropertyValue(index < heard ? "--accent" : "--line-strong");
      pen.globalAlpha = index < heard ? 1 : 0.55;
      pen.beginPath();
      pen.roundRect(index * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
      pen.fill();
    });
  }

  #bars(room) {
    const { sentences, seconds } = this.player;
    if (!seconds) return new Array(room).fill(0);
    const bars = new Array(room).fill(0);
    sentences.forEach((sentence, index) => {
      const from = Math.floor((startOf(this.player.lengths, index) / seconds) * room);
      const to = Math.max(from + 1, Math.floor((startOf(this.player.lengths, index + 1) / seconds) * room));
      const own = squeeze(sentence.bars, to - from);
      for (let at = from; at < Math.min(to, room); at += 1) {
        bars[at] = own.length ? own[Math.floor(((at - from) * own.length) / (to - from))] : 0;
      }
    });
    return bars;
  }
}
