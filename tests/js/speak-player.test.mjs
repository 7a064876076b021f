import assert from "node:assert/strict";
import { test } from "node:test";

import { SentencePlayer } from "../../static/js/speak/player.js";

// A clock that the test turns by hand; everything else is the player itself.
class Context {
  constructor() {
    this.currentTime = 0;
    this.sources = [];
    this.destination = {};
    this.state = "running";
  }
  createAnalyser() {
    return { connect() {} };
  }
  createBufferSource() {
    const source = { connect() {}, stop() { source.stopped = true; }, start: (when, offset) => Object.assign(source, { when, offset }) };
    this.sources.push(source);
    return source;
  }
  async resume() { this.state = "running"; }
  async suspend() { this.state = "suspended"; }
  async turnTo(time) {
    this.currentTime = time;
    for (const source of this.sources) {
      if (!source.stopped && !source.done && source.when + source.buffer.duration - source.offset <= time) {
        source.done = true;
        source.onended?.();
      }
    }
    await settle();
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

function makePlayer(lengths = {}) {
  const context = new Context();
  const load = async (url) => {
    if (lengths[url] === undefined) throw new Error(url);
    return { duration: lengths[url], sampleRate: 100, getChannelData: () => new Float32Array(10) };
  };
  const player = new SentencePlayer({ makeContext: () => context, load });
  player.unlock();
  return { player, context };
}

test("sentences follow each other without a gap, in order", async () => {
  const { player, context } = makePlayer({ a: 1, b: 2, c: 1 });
  player.play(0);
  for (const [index, url] of ["a", "b", "c"].entries()) player.add({ index, url, seconds: [1, 2, 1][index] });
  player.finish();
  await settle();
  const [first, second] = context.sources;
  assert.equal(second.when, first.when + 1);
  await context.turnTo(1.05);
  assert.equal(context.sources[2].when, second.when + 2);
  assert.equal(player.position.index, 1);
  await context.turnTo(10);
  assert.equal(player.state, "ended");
});

test("where the next sentence is late, it waits and goes on when it comes", async () => {
  const { player, context } = makePlayer({ a: 1, b: 1 });
  player.play(0);
  player.add({ index: 0, url: "a", seconds: 1 });
  await settle();
  await context.turnTo(5);
  assert.equal(player.state, "waiting");
  player.add({ index: 1, url: "b", seconds: 1 });
  await settle();
  assert.equal(player.state, "playing");
  assert.ok(context.sources[1].when >= 5);
});

test("a sentence that comes twice is one sentence", async () => {
  const { player } = makePlayer({ a: 1 });
  player.add({ index: 0, url: "a", seconds: 1 });
  player.add({ index: 0, url: "a", seconds: 1 });
  assert.equal(player.sentences.length, 1);
});

test("seeking stops what sounds and begins in the middle of a sentence", async () => {
  const { player, context } = makePlayer({ a: 1, b: 2 });
  player.add({ index: 0, url: "a", seconds: 1 });
  player.add({ index: 1, url: "b", seconds: 2 });
  player.finish();
  await player.play(0);
  await settle();
  await player.seek(1.5);
  await settle();
  assert.ok(context.sources[0].stopped);
  assert.equal(context.sources.at(-1).offset, 0.5);
  assert.ok(Math.abs(player.position.seconds - 1.5) < 0.1);
});

test("pausing keeps the place", async () => {
  const { player, context } = makePlayer({ a: 4 });
  player.add({ index: 0, url: "a", seconds: 4 });
  player.finish();
  await player.play(0);
  await settle();
  context.currentTime = 2.04;
  await player.pause();
  assert.equal(context.state, "suspended");
  await player.play();
  assert.equal(context.sources.length, 1);
  assert.ok(Math.abs(player.position.seconds - 2) < 0.01);
});

test("another text while one is still loading starts with its own first sentence", async () => {
  const { player, context } = makePlayer({ a: 1, z: 1 });
  player.play(0);
  player.add({ index: 0, url: "a", seconds: 1 });
  player.clear();
  player.play(0);
  player.add({ index: 0, url: "z", seconds: 1 });
  player.finish();
  await settle();
  assert.equal(context.sources.filter((source) => !source.stopped).length, 1);
  assert.equal(player.state, "playing");
});

test("a sound that cannot be fetched is told", async () => {
  const { player } = makePlayer({});
  const told = [];
  player.addEventListener("failed", (event) => told.push(event.detail.message));
  player.play(0);
  player.add({ index: 0, url: "gone", seconds: 1 });
  await settle();
  assert.deepEqual(told, ["gone"]);
  assert.equal(player.state, "ended");
});
