// When a take ends by itself, on levels that are made: rooms, speakers, pauses. Run: node --test tests/js/
import assert from "node:assert/strict";
import { test } from "node:test";

import { HandsFree, OwnPauses, TakeEnd } from "../../static/js/record/hands-free.js";

const BLOCK = 1024 / 48000; // seconds

/** A source of chance that is the same every time. */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

/** Levels (dBFS) of a room that scatter by `spread` dB, with `speech` over it in the given [from, to] seconds. */
function levels(seconds, { floor = -70, spread = 0.5, speech = -25, spoken = [], seed = 1 } = {}) {
  const random = dice(seed);
  const power = (dbfs) => 10 ** (dbfs / 10);
  return Array.from({ length: Math.round(seconds / BLOCK) }, (_, i) => {
    const time = i * BLOCK;
    const noise = floor + spread * (random() + random() + random() + random() - 2) * 1.73;
    const speaking = spoken.some(([from, to]) => time >= from && time < to);
    const syllable = speaking ? 2 * Math.sin(Math.PI * 4.5 * time) ** 2 * power(speech) : 0;
    return 10 * Math.log10(power(noise) + syllable);
  });
}

/** Seconds after which the take ends by itself, and what it ended with; the room was heard for two seconds before. */
function ends(take, { before = levels(2, { seed: 9 }), hands = new HandsFree() } = {}) {
  hands.on = true;
  for (const level of before) hands.push(level, BLOCK);
  hands.begin();
  for (let i = 0; i < take.length; i += 1) {
    const state = hands.push(take[i], BLOCK);
    if (state === "over" || state === "nothing") return { state, at: i * BLOCK };
  }
  return { state: "going", at: Infinity };
}

test("a take ends a second after the sentence, in a quiet room", () => {
  const { state, at } = ends(levels(8, { spoken: [[0.8, 3]] }));
  assert.equal(state, "over");
  assert.ok(at > 3.9 && at < 4.3, `${at}`);
});

for (const snr of [15, 25, 45]) {
  for (const spread of [0.5, 1.5]) {
    test(`it ends in a room with noise too: ${snr} dB, scattered by ${spread} dB`, () => {
      const room = { floor: -25 - snr, spread };
      for (let seed = 1; seed <= 20; seed += 1) {
        const take = levels(12, { ...room, spoken: [[0.8, 2.2], [2.8, 5]], seed });
        const { state, at } = ends(take, { before: levels(3, { ...room, seed: 99 + seed }) });
        assert.equal(state, "over");
        assert.ok(at > 5.7 && at < 6.6, `${at}`);
      }
    });
  }
}

test("a pause inside of a sentence does not end it", () => {
  const { at } = ends(levels(10, { spoken: [[0.5, 1.5], [2.3, 4]] }));
  assert.ok(at > 5, `${at}`);
});

test("who makes long pauses is waited for longer, within a take and from take to take", () => {
  const slow = new OwnPauses([1.2, 1.1, 1.3]);
  assert.ok(slow.limit() > 1.6 && slow.limit() < 2.1);
  assert.equal(new OwnPauses().limit(), 1);
  assert.equal(new OwnPauses([5]).limit(), 2.5);
  assert.ok(new OwnPauses().limit(0.95) > 1.4);
});

test("one long hesitation does not make every later take wait", () => {
  assert.equal(new OwnPauses([...Array(12).fill(0.3), 2.4]).limit(), 1);
});

test("the pauses of a take are learned when it is over, also when a key ended it", () => {
  const hands = new HandsFree();
  ends(levels(3, { spoken: [[0.3, 1.2], [2, 2.9]] }), { hands });
  hands.end();
  assert.ok(hands.pauses.longest[0] > 0.75 && hands.pauses.longest[0] < 1);
});

test("a take in which nobody speaks ends after ten seconds, and says so", () => {
  const { state, at } = ends(levels(15, { spread: 1.5 }));
  assert.equal(state, "nothing");
  assert.ok(at > 9.9 && at < 10.5, `${at}`);
});

test("a click is no speech: neither does it begin the sentence nor keep it open", () => {
  const take = levels(8, { spoken: [[0.8, 2.5]] });
  for (const at of [0.3, 3.0, 3.3]) take[Math.round(at / BLOCK)] = -12;
  const { state, at } = ends(take);
  assert.equal(state, "over");
  assert.ok(at > 3.3 && at < 3.8, `${at}`);
});

test("a fan that is switched on is learned as the room", () => {
  const hands = new HandsFree();
  for (const level of levels(3)) hands.push(level, BLOCK);
  for (const level of levels(8, { floor: -45 })) hands.push(level, BLOCK);
  assert.ok(hands.floor.dbfs > -47 && hands.floor.dbfs < -44);
});

test("switched off, it listens and decides nothing", () => {
  const hands = new HandsFree();
  hands.begin();
  for (const level of levels(12, { spoken: [[0.5, 2]] })) assert.equal(hands.push(level, BLOCK), "");
  assert.ok(hands.take instanceof TakeEnd && hands.take.spoken > 0.5);
});

/** A localStorage of its own. */
function memory() {
  const rows = new Map();
  return { getItem: (key) => rows.get(key) ?? null, setItem: (key, value) => rows.set(key, value), removeItem: (key) => rows.delete(key) };
}

test("after a reload the mode is as the person left it", () => {
  const storage = memory();
  assert.equal(new HandsFree(storage).on, false);
  new HandsFree(storage).toggle();
  const reloaded = new HandsFree(storage);
  assert.equal(reloaded.on, true);
  reloaded.toggle();
  assert.equal(new HandsFree(storage).on, false);
});

test("a browser that keeps nothing can use the mode all the same", () => {
  const refuse = () => {
    throw new Error("SecurityError");
  };
  for (const storage of [null, { getItem: refuse, setItem: refuse, removeItem: refuse }]) {
    const hands = new HandsFree(storage);
    assert.equal(hands.on, false);
    assert.equal(hands.toggle(), true);
    assert.equal(hands.toggle(), false);
  }
});
