// Third octaves of a room as bars: frequency runs in thirds, so the axis is logarithmic; the table beside has the figures.

const HEIGHT = 220; // CSS pixels, as the width is: letters keep their size on a phone
const LEFT = 44;
const TOP = 10;
const BOTTOM = 26;
const NARROW = 480;
const LOWEST = -110; // dBFS
const HIGHEST = -40;
const TICKS_HZ = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000];
const NOMINAL = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8, 10]; // a decade of thirds, IEC 61260

/** Place of a level, 0 at the bottom and 1 at the top of the chart. */
export function heightOf(dbfs) {
  return Math.max(0, Math.min(1, (dbfs - LOWEST) / (HIGHEST - LOWEST)));
}

/** "31.5", "63", "1k", "2.5k": a band's nominal frequency. */
export function hertzWords(hertz) {
  const decade = 10 ** Math.floor(Math.log10(hertz) + 0.01);
  const away = (each) => Math.abs(Math.log(hertz / decade / each));
  const nearest = NOMINAL.reduce((best, each) => (away(each) < away(best) ? each : best));
  const nominal = Number((nearest * decade).toPrecision(4));
  return nominal >= 1000 ? `${nominal / 1000}k` : `${nominal}`;
}

function make(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Draws `bands` ([[Hz, dBFS]]) into an svg; bands that hold one of `lines` (the hum) are marked. */
export function drawSpectrum(svg, bands, lines) {
  const width = svg.clientWidth || 640;
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const bottom = HEIGHT - BOTTOM;
  const step = (width - LEFT) / bands.length;
  const y = (dbfs) => bottom - (bottom - TOP) * heightOf(dbfs);
  const ticks = TICKS_HZ.filter((_, i) => width > NARROW || i % 2);
  const parts = [];
  for (let dbfs = -100; dbfs <= -40; dbfs += 20) {
    parts.push(make("line", { class: "grid", x1: LEFT, x2: width, y1: y(dbfs), y2: y(dbfs) }));
    parts.push(make("text", { class: "tick", x: LEFT - 6, y: y(dbfs) + 4, "text-anchor": "end" }, `−${-dbfs}`));
  }
  bands.forEach(([hertz, dbfs], i) => {
    const hum = lines.some(([line]) => line >= hertz / 2 ** (1 / 6) && line < hertz * 2 ** (1 / 6));
    const x = LEFT + i * step + 1;
    parts.push(make("rect", { class: hum ? "bar hum" : "bar", x, y: y(dbfs), width: step - 2, height: bottom - y(dbfs) }));
    if (ticks.some((tick) => Math.abs(hertz / tick - 1) < 0.05)) {
      parts.push(make("text", { class: "tick", x: x + step / 2 - 1, y: HEIGHT - 8, "text-anchor": "middle" }, hertzWords(hertz)));
    }
  });
  svg.replaceChildren(...parts);
}
