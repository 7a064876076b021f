// The pages before the first take: the sitting, and the chart of a room.

import assert from "node:assert/strict";
import { test } from "node:test";

import { sittingId } from "../../static/js/check/sitting.js";
import { heightOf, hertzWords } from "../../static/js/check/spectrum.js";

const HOUR = 3600 * 1000;

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

test("a sitting goes on from page to page, and ends after three hours without one", () => {
  const tab = storage();
  const first = sittingId(0, tab);
  assert.match(first, /^[0-9a-f-]{36}$/);
  assert.equal(sittingId(2 * HOUR, tab), first);
  assert.equal(sittingId(4 * HOUR, tab), first);
  const second = sittingId(8 * HOUR, tab);
  assert.notEqual(second, first);
  assert.notEqual(sittingId(7 * HOUR, tab), second); // a clock that was set back
});

test("who takes the chair in the same tab sits down anew, and the first one goes on where they were", () => {
  const tab = storage();
  const first = sittingId(0, tab, "1");
  assert.notEqual(sittingId(1, tab, "2"), first);
  assert.equal(sittingId(2, tab, "1"), first);
});

test("another tab is another sitting, and a browser that keeps nothing has one a page", () => {
  assert.notEqual(sittingId(0, storage()), sittingId(0, storage()));
  const shut = { getItem() { throw new Error("denied"); }, setItem() {} };
  assert.match(sittingId(0, shut), /^[0-9a-f-]{36}$/);
  const odd = { getItem: () => "not json", setItem() {} };
  assert.match(sittingId(0, odd), /^[0-9a-f-]{36}$/);
});

test("the chart goes from −110 to −40 dBFS and holds what is beyond at its edges", () => {
  assert.deepEqual([-120, -110, -75, -40, -10].map(heightOf), [0, 0, 0.5, 1, 1]);
});

test("third octaves are called by their nominal frequencies", () => {
  const names = [25.12, 31.62, 125.9, 501.2, 1000, 2512, 15849].map(hertzWords);
  assert.deepEqual(names, ["25", "31.5", "125", "500", "1k", "2.5k", "16k"]);
});
