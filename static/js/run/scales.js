// What a loss curve needs to know: scales, ticks, points. Pure functions, no page.

/** Add [step, loss] to a curve; where a run fell back to an earlier step, the later way replaces what it left. */
export function addPoint(points, step, value) {
  let end = points.length;
  while (end > 0 && points[end - 1][0] >= step) end -= 1;
  points.length = end;
  points.push([step, value]);
  return points;
}

/** At most `most` points: equal groups of neighbours become their mean; first and last stay. */
export function thin(points, most) {
  if (points.length <= most) return points;
  const inner = points.slice(1, -1);
  const groups = most - 2;
  const means = [];
  for (let number = 0; number < groups; number += 1) {
    const group = inner.slice(
      Math.floor((number * inner.length) / groups),
      Math.floor(((number + 1) * inner.length) / groups),
    );
    means.push([group.at(-1)[0], group.reduce((sum, point) => sum + point[1], 0) / group.length]);
  }
  return [points[0], ...means, points.at(-1)];
}

/** Mean over a window of neighbours (of both sides), so that a noisy curve shows its way. */
export function smooth(points, window) {
  if (window < 2) return points;
  const half = Math.floor(window / 2);
  return points.map(([step], index) => {
    const near = points.slice(Math.max(0, index - half), index + half + 1);
    return [step, near.reduce((sum, point) => sum + point[1], 0) / near.length];
  });
}

/** Lowest and highest value of several curves; null where there is none. */
export function extent(curves) {
  let low = Infinity;
  let high = -Infinity;
  for (const points of curves) {
    for (const [, value] of points) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low <= high ? [low, high] : null;
}

/** Whether a logarithm shows more: all values positive, and the highest at least six times the lowest. */
export function logHelps([low, high]) {
  return low > 0 && high / low >= 6;
}

/** Round numbers from low to high, about `wanted` of them. */
export function linearTicks(low, high, wanted = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) * power;
  const ticks = [];
  for (let tick = Math.ceil(low / size - 1e-9); tick * size <= high + size * 1e-9; tick += 1) {
    ticks.push(Number((tick * size).toPrecision(12)));
  }
  return ticks;
}

/** 1, 2 and 5 times powers of ten from low to high; only powers where that would be many. */
export function logTicks(low, high, most = 7) {
  const collect = (factors) => {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const factor of factors) {
        const tick = Number((factor * 10 ** power).toPrecision(12));
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return ticks;
  };
  const all = [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map(collect);
  return all.find((ticks) => ticks.length <= most) ?? all.at(-1);
}

/** A function from values to pixels. */
export function scale([low, high], [start, end], logarithmic = false) {
  const place = logarithmic ? Math.log : (value) => value;
  const from = place(low);
  const span = place(high) - from || 1;
  return (value) => start + ((place(value) - from) / span) * (end - start);
}

/** The range of an axis: a little air around the values. */
export function padded([low, high], logarithmic) {
  if (logarithmic) return [low / 1.08, high * 1.08];
  const air = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - air, high + air];
}

/** The point nearest to a step; null in an empty curve. */
export function nearest(points, step) {
  let best = null;
  for (const point of points) {
    if (best === null || Math.abs(point[0] - step) < Math.abs(best[0] - step)) best = point;
  }
  return best;
}

/** "M1,2L3,4" of points in pixels. */
export function path(points, x, y) {
  return points.map(([step, value], index) => `${index ? "L" : "M"}${x(step).toFixed(1)},${y(value).toFixed(1)}`).join("");
}
