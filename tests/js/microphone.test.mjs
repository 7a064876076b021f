// The table of failures: what getUserMedia throws in each browser, and the words that are looked up for it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clipped, processingOf, resultOf } from "../../static/js/check/result.js";
import { browserName, failureCode, failureWords } from "../../static/js/record/microphone.js";

const AGENTS = {
  chrome: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
  edge: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
  firefox: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
  safari: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
  iphone: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
  "firefox on iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15",
  other: "Mozilla/5.0 (compatible; Ladybird/1.0)",
};

test("a browser is known by its agent, also where it claims to be others as well", () => {
  const names = Object.fromEntries(Object.entries(AGENTS).map(([name, agent]) => [name, browserName(agent)]));
  assert.deepEqual(names, {
    chrome: "chrome", edge: "chrome", firefox: "firefox", safari: "safari", iphone: "safari",
    "firefox on iphone": "firefox", other: "",
  });
});

const THROWN = [
  // name, message, code for Chrome, for Firefox, for Safari
  ["NotAllowedError", "Permission denied", "denied.chrome", "denied.firefox", "denied.safari"],
  ["NotAllowedError", "Permission denied by system", "denied.system", "denied.system", "denied.system"],
  ["NotAllowedError", "Permission dismissed", "dismissed", "dismissed", "dismissed"],
  ["SecurityError", "", "denied.chrome", "denied.firefox", "denied.safari"],
  ["NotFoundError", "Requested device not found", "NotFoundError", "NotFoundError", "NotFoundError"],
  ["NotReadableError", "Could not start audio source", "NotReadableError", "NotReadableError", "NotReadableError"],
  ["OverconstrainedError", "", "OverconstrainedError", "OverconstrainedError", "OverconstrainedError"],
  ["AbortError", "Starting audioinput failed", "AbortError", "AbortError", "AbortError"],
  ["TypeError", "", "other", "other", "other"],
];

for (const [name, message, ...codes] of THROWN) {
  test(`${name} "${message}" is named in every browser`, () => {
    const found = ["chrome", "firefox", "safari"].map((browser) => failureCode({ name, message }, AGENTS[browser]));
    assert.deepEqual(found, codes);
  });
}

const WORDS = {
  other: "other {name}",
  suspended: "anywhere",
  "suspended.safari": "in Safari",
  "denied.chrome": "in Chrome",
  processing: "on: {names}",
};

test("a failure has the words of this browser, else those for all, else it is called by its name", () => {
  const of = (error, browser) => failureWords(WORDS, error, AGENTS[browser]);
  assert.equal(of({ code: "suspended" }, "safari"), "in Safari");
  assert.equal(of({ code: "suspended" }, "chrome"), "anywhere");
  assert.equal(of({ code: "suspended" }, "other"), "anywhere");
  assert.equal(of({ code: "denied.chrome" }, "chrome"), "in Chrome");
  assert.equal(of({ code: "unheard_of", params: { name: "OddError" } }, "firefox"), "other OddError");
  assert.equal(of(new Error("something broke"), "firefox"), "other something broke");
  assert.equal(of({ code: "processing", params: { names: "noiseSuppression" } }, "chrome"), "on: noiseSuppression");
});

test("processing is off, on, or not told", () => {
  assert.deepEqual(processingOf({ echoCancellation: false, noiseSuppression: true }), {
    echoCancellation: "off", noiseSuppression: "on", autoGainControl: "unknown",
  });
});

test("a test sentence is judged by its peak, and by three samples at full scale", () => {
  const sine = (peak) => Float32Array.from({ length: 4800 }, (_, i) => peak * Math.sin((2 * Math.PI * 200 * i) / 48000));
  const zones = [0.5, 0.9, 0.05, 0.001].map((peak) => resultOf(sine(peak), 48000).zone);
  assert.deepEqual(zones, ["good", "loud", "quiet", "silent"]);
  const flat = sine(2).map((sample) => Math.max(-1, Math.min(1, sample)));
  assert.equal(resultOf(flat, 48000).zone, "clipping");
  assert.ok(!clipped(sine(0.9)));
  const { peak, rms, seconds } = resultOf(sine(0.5), 48000);
  assert.deepEqual([peak.toFixed(1), rms.toFixed(1), seconds], ["-6.0", "-9.0", 0.1]);
});
