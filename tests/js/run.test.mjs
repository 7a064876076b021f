import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, fill, loss, rate, remaining } from "../../static/js/run/format.js";
import { addPoint, extent, linearTicks, logHelps, logTicks, nearest, padded, path, scale, smooth, thin } from "../../static/js/run/scales.js";

const words = { hours: "{hours}시간 {minutes}분", minutes: "{minutes}분", under_a_minute: "1분 안쪽" };

test("a loss shows four significant digits and never an exponent", () => {
  assert.equal(loss(96.9034), "96.90");
  assert.equal(loss(0.021347), "0.02135");
  assert.equal(loss(-5.81234), "-5.812");
  assert.equal(loss(1234.5), "1235");
  assert.equal(loss(0), "0.000");
  assert.equal(loss(undefined), "–");
  assert.equal(loss(NaN), "–");
});

test("time left is said in hours and minutes, and not in seconds", () => {
  assert.equal(duration(40, words), "1분 안쪽");
  assert.equal(remaining({ eta_seconds: 125, settled: true }, words), "2분");
  assert.equal(remaining({ eta_seconds: 9000, settled: false }, { ...words, measuring: "재고 있어요" }), "재고 있어요");
  assert.equal(remaining({}, words), "–");
  assert.equal(duration(125, words), "2분");
  assert.equal(duration(3 * 3600 + 25 * 60, words), "3시간 25분");
  assert.equal(duration(null, words), "–");
});

test("a slow rate keeps its decimal", () => {
  assert.equal(rate(4.83), "4.8");
  assert.equal(rate(119.7), "120");
});

test("places in a sentence are filled by name and unknown ones stay", () => {
  assert.equal(fill("{step}걸음 {x}", { step: 5 }), "5걸음 {x}");
});

test("a run that fell back replaces the points that it left", () => {
  const points = [[1, 9], [2, 8], [3, 7], [4, 6]];
  assert.deepEqual(addPoint(points, 3, 5), [[1, 9], [2, 8], [3, 5]]);
});

test("a long curve is thinned to means of neighbours and keeps its ends", () => {
  const points = Array.from({ length: 1000 }, (_, step) => [step, step % 2]);
  const thinned = thin(points, 100);
  assert.equal(thinned.length, 100);
  assert.deepEqual([thinned[0], thinned.at(-1)], [points[0], points.at(-1)]);
  assert.ok(thinned.slice(1, -1).every(([, value]) => value > 0.3 && value < 0.7));
});

test("a smoothed curve is the mean of its neighbourhood", () => {
  assert.deepEqual(smooth([[1, 0], [2, 3], [3, 6]], 3), [[1, 1.5], [2, 3], [3, 4.5]]);
  assert.deepEqual(smooth([[1, 5]], 0), [[1, 5]]);
});

test("a range ignores what is no number and is nothing for empty curves", () => {
  assert.deepEqual(extent([[[1, 3], [2, NaN]], [[1, -2]]]), [-2, 3]);
  assert.equal(extent([[], []]), null);
});

test("a logarithm helps where values are positive and far apart", () => {
  assert.equal(logHelps([0.5, 90]), true);
  assert.equal(logHelps([0.5, 1]), false);
  assert.equal(logHelps([-5, 90]), false);
});

test("ticks are round numbers inside the range", () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(-5.2, -1.9, 4), [-5, -4, -3, -2]);
  assert.deepEqual(linearTicks(1, 300, 4), [100, 200, 300]);
  assert.deepEqual(logTicks(6, 100), [7, 10, 15, 20, 30, 50, 70, 100].length <= 7 ? [] : [10, 20, 50, 100]);
  assert.deepEqual(logTicks(0.001, 1000), [0.001, 0.01, 0.1, 1, 10, 100, 1000]);
});

test("a scale puts low and high at the two ends, in logarithms too", () => {
  const y = scale([1, 100], [200, 0], true);
  assert.equal(y(1), 200);
  assert.ok(Math.abs(y(10) - 100) < 1e-9);
  assert.equal(scale([5, 5], [0, 10])(5), 0);
});

test("a curve of one value still gets an axis", () => {
  const [low, high] = padded([3, 3], false);
  assert.ok(low < 3 && high > 3);
});

test("the nearest point is found and a path is drawn in pixels", () => {
  const points = [[1, 1], [10, 2]];
  assert.deepEqual(nearest(points, 7), [10, 2]);
  assert.equal(nearest([], 7), null);
  assert.equal(path(points, (step) => step, (value) => value), "M1.0,1.0L10.0,2.0");
});
