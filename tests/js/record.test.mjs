// What the recording page computes: WAV, takes, levels, retries, keys. Run: node --test tests/js/
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { LiveFeed, nextDelay, socketUrl, sortOut } from "../../static/js/lib/live.js";
import { actionOf, keyLabel, KeyMap } from "../../static/js/record/keys.js";
import { Ballistics, measure, toDbfs, zone } from "../../static/js/record/levels.js";
import { browserName, failureCode, processingOn } from "../../static/js/record/microphone.js";
import { decodeWav } from "../../static/js/record/player.js";
import { formOf, judgeRefusal, Sender, waitBefore } from "../../static/js/record/sender.js";
import { Refusal } from "../../static/js/lib/http.js";
import { holes } from "../../static/js/record/holes.js";
import { Lateness } from "../../static/js/record/lateness.js";
import { join, TakeBuffer, zeroRun } from "../../static/js/record/take.js";
import { keyTarget, moveEdge } from "../../static/js/record/trim.js";
import { UndoStack } from "../../static/js/record/undo.js";
import { counted } from "../../static/js/record/view.js";
import { barHeight, peaksOf } from "../../static/js/record/waveform.js";
import { encodeWav, sha256, toInt16 } from "../../static/js/record/wav.js";

const ramp = (from, count) => Float32Array.from({ length: count }, (_, i) => (from + i + 1) / 32768);

test("sixteen-bit sound comes through the encoder unchanged", () => {
  const whole = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
  const floats = Float32Array.from(whole, (sample) => sample / 32768);
  assert.deepEqual(toInt16(floats), whole);
  const { samples, sampleRate } = decodeWav(encodeWav(floats, 44100));
  assert.equal(sampleRate, 44100);
  assert.deepEqual(samples, floats);
});

test("what is beyond full scale is clipped and does not wrap around", () => {
  assert.deepEqual([...toInt16(Float32Array.of(1, 1.5, -1.5))], [32767, 32767, -32768]);
});

test("the header has 44 bytes and says what follows", () => {
  const view = new DataView(encodeWav(new Float32Array(100), 48000));
  assert.equal(view.byteLength, 244);
  assert.equal(view.getUint32(4, true), 236);
  assert.equal(view.getUint32(24, true), 48000);
  assert.equal(view.getUint32(40, true), 200);
});

test("one take is no takes", () => {
  const words = { one: "{n} take", other: "{n} takes" };
  assert.deepEqual([1, 2, 12].map((n) => counted(words, n)), ["1 take", "2 takes", "12 takes"]);
});

test("the hash is that of the bytes", async () => {
  const hex = await sha256(new TextEncoder().encode("abc"));
  assert.equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("a take begins half a second before the key and ends after the post-roll, to the sample", () => {
  const buffer = new TakeBuffer(1000, { pre: 0.5, post: 0.3 });
  let at = 0;
  const feed = (count) => {
    const state = buffer.push({ samples: ramp(at, count) });
    at += count;
    return state;
  };
  for (let i = 0; i < 20; i += 1) assert.equal(feed(128), "idle");
  buffer.start();
  const startedAt = at;
  assert.equal(feed(128), "going");
  buffer.stop();
  const stoppedAt = at;
  let state = "going";
  while (state === "going") state = feed(128);
  assert.equal(state, "done");
  const { samples, faults } = buffer.finish();
  assert.deepEqual(faults, []);
  assert.deepEqual(samples, ramp(startedAt - 500, stoppedAt - startedAt + 800));
});

test("a gap in the frames voids a take and is counted", () => {
  const buffer = new TakeBuffer(1000);
  buffer.start();
  buffer.push({ samples: ramp(0, 128), gap: 256 });
  assert.deepEqual(buffer.finish().faults, [{ code: "gap", value: 256 }]);
});

test("a block that comes later than this device's blocks do is late, once", () => {
  const lateness = new Lateness();
  // A device that hands over 96 ms at a time: the clock runs ahead by that much and comes back.
  const rhythm = (from) => Array.from({ length: 40 }, (_, i) => lateness.push(from + ((40 - i) % 4) * 24, 0.024));
  assert.deepEqual(rhythm(1000), Array(40).fill(0));
  assert.equal(lateness.push(1072 + 39, 0.024), 0);
  assert.equal(lateness.push(1072 + 150, 0.024), 150);
  assert.deepEqual(rhythm(1150), Array(40).fill(0)); // what was lost is lost: from now on it is the usual
});

test("clocks that drift apart are not late", () => {
  const lateness = new Lateness();
  for (let second = 0; second < 7200; second += 0.1) assert.equal(lateness.push(second * 0.2, 0.1), 0);
});

/** A buffer that has learnt the rhythm of a device, and what feeds it 100 ms at a time, that much late; its `stale`. */
const learnt = () => {
  const buffer = new TakeBuffer(1000, { pre: 0.5, post: 0.1 });
  let frame = 0;
  const feed = (lag) => {
    buffer.push({ samples: ramp(frame, 100), frame, lag });
    frame += 100;
    return buffer.stale;
  };
  for (let i = 0; i < 8; i += 1) feed(5);
  return { buffer, feed };
};

test("a late block voids a take, and after it there is a new path before there is a pre-roll", () => {
  const { buffer, feed } = learnt();
  buffer.start();
  feed(75);
  assert.deepEqual(buffer.finish().faults, [{ code: "late", value: 70 }]);
  assert.deepEqual([75, 75, 75, 75].map(feed), [false, false, true, true]); // until it is renewed
  buffer.renewed(1300);
  assert.deepEqual([75, 75, 75, 75].map(feed), [false, false, false, false]);
  buffer.start();
  feed(75);
  const { samples, faults } = buffer.finish();
  assert.deepEqual(faults, []);
  assert.deepEqual(samples, ramp(1500, 300)); // 0.3 s after the renewal
});

test("what was held up and comes in a burst is no time in which anything settles", () => {
  const { feed } = learnt();
  assert.equal(feed(605), false);
  assert.deepEqual([505, 405, 305, 205, 105, 5].map(feed), Array(6).fill(false));
  assert.deepEqual([5, 5, 5].map(feed), [false, false, true]);
});

test("blocks from before the path was renewed that are read afterwards do not count", () => {
  const { buffer, feed } = learnt();
  feed(75);
  [75, 75, 75].map(feed);
  buffer.renewed(1500);
  [75, 75, 75, 75, 75].map(feed); // the first three began before 1500
  buffer.start();
  feed(75);
  assert.deepEqual(buffer.finish().samples, ramp(1700, 100));
});

test("the clock of a suspended microphone stands still, and that is no delay", () => {
  const buffer = new TakeBuffer(1000);
  for (let i = 0; i < 8; i += 1) buffer.push({ samples: ramp(0, 100), lag: 5 });
  buffer.halt();
  buffer.start();
  buffer.push({ samples: ramp(0, 100), lag: 5005 });
  assert.deepEqual(buffer.finish().faults, []);
});

test("a take begun before all has settled is void as well", () => {
  const buffer = new TakeBuffer(1000);
  for (let i = 0; i < 8; i += 1) buffer.push({ samples: ramp(0, 100), lag: 5 });
  buffer.push({ samples: ramp(0, 100), lag: 75 });
  buffer.start();
  buffer.push({ samples: ramp(0, 100), lag: 75 });
  assert.deepEqual(buffer.finish().faults, [{ code: "late", value: 70 }]);
});

/** Hiss of an amplitude, the same every time. */
const hiss = (count, amplitude) => {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return Math.round((2 * (state / 2147483647) - 1) * amplitude * 32768) / 32768;
  });
};

test("zeros that interrupt sound or a quiet room are holes, and what fades into zeros is none", () => {
  for (const amplitude of [0.1, 0.0003]) {
    const cut = hiss(48000, amplitude);
    cut.fill(0, 20000, 20441);
    assert.equal(holes(cut, 44100) >= 441, true);
    const faded = hiss(48000, amplitude);
    faded.fill(0, 20000, 21440);
    for (let i = 0; i < 2400; i += 1) {
      faded[19999 - i] *= i / 2400;
      faded[21440 + i] *= i / 2400;
    }
    assert.equal(holes(faded, 48000), 0);
  }
  assert.equal(holes(hiss(48000, 0.00003), 48000), 0);
  assert.equal(holes(new Float32Array(48000), 48000), 0);
});

test("a take with a hole in it is void, and says how long the hole is", () => {
  const buffer = new TakeBuffer(44100);
  buffer.start();
  const samples = hiss(44100, 0.0003);
  samples.fill(0, 20000, 20441);
  buffer.push({ samples });
  const [fault] = buffer.finish().faults;
  assert.equal(fault.code, "gap");
  assert.equal(fault.value >= 441, true);
});

test("a gap before the take leaves no hole in its pre-roll", () => {
  const buffer = new TakeBuffer(1000, { pre: 0.5, post: 0.1 });
  for (let i = 0; i < 8; i += 1) buffer.push({ samples: ramp(i * 128, 128) });
  buffer.push({ samples: ramp(5000, 128), gap: 3976 });
  buffer.start();
  buffer.stop();
  buffer.push({ samples: ramp(5128, 128) });
  assert.deepEqual(buffer.finish().samples, ramp(5000, 228));
});

test("a quarter of a second of digital zeros voids a take, across blocks", () => {
  const buffer = new TakeBuffer(1000);
  buffer.start();
  buffer.push({ samples: new Float32Array(200) });
  assert.equal(buffer.take.faults.size, 0);
  buffer.push({ samples: new Float32Array(200) });
  assert.deepEqual(buffer.finish().faults, [{ code: "zeros", value: 0 }]);
});

test("thirty seconds are the most", () => {
  const buffer = new TakeBuffer(1000, { max: 1 });
  buffer.start();
  assert.equal(buffer.push({ samples: ramp(0, 900) }), "going");
  assert.equal(buffer.push({ samples: ramp(900, 900) }), "full");
  assert.equal(buffer.finish().samples.length, 1000);
});

test("a cancelled take leaves nothing to the next one", () => {
  const buffer = new TakeBuffer(1000, { pre: 0.1, post: 0.1 });
  buffer.start();
  buffer.push({ samples: ramp(0, 400) });
  buffer.cancel();
  buffer.start();
  buffer.stop();
  buffer.push({ samples: ramp(400, 128) });
  assert.deepEqual(buffer.finish().samples, ramp(300, 200));
});

test("runs of zeros are counted through", () => {
  assert.deepEqual(zeroRun(Float32Array.of(0, 0, 1, 0), 5), { longest: 7, run: 1 });
  assert.equal(join([new Float32Array(2), new Float32Array(3)]).length, 5);
});

test("levels are told in dBFS and by zone", () => {
  assert.equal(toDbfs(1), 0);
  assert.equal(toDbfs(0), -96);
  assert.ok(Math.abs(toDbfs(0.5) + 6.02) < 0.01);
  assert.equal(measure(Float32Array.of(0.5, -0.75)).peak, 0.75);
  assert.deepEqual([0, -2, -6, -20, -70].map(zone), ["clipping", "loud", "good", "quiet", "silent"]);
});

test("the meter rises at once and falls slowly", () => {
  const meter = new Ballistics();
  meter.update(-6, 0.02);
  assert.equal(meter.level, -6);
  meter.update(-60, 0.5);
  assert.equal(meter.level, -18);
  assert.equal(meter.mark, -6);
});

test("the waveform keeps the loudest of each part, and shows a soft voice", () => {
  assert.deepEqual([...peaksOf(Float32Array.of(0, 0.5, -1, 0.25), 2)], [0.5, 1]);
  assert.equal(barHeight(1), 1);
  assert.equal(barHeight(0), 0);
  assert.ok(barHeight(0.01) > 0.1);
});

test("processing that is on is named, also where it is a word", () => {
  assert.deepEqual(processingOn({ echoCancellation: false, noiseSuppression: true, autoGainControl: false }), ["noiseSuppression"]);
  assert.deepEqual(processingOn({ echoCancellation: "all" }), ["echoCancellation"]);
  assert.deepEqual(processingOn({ echoCancellation: "none" }), []);
  assert.deepEqual(processingOn({}), []);
});

test("each way in which a microphone fails has words of its own", () => {
  const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
  const safari = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
  assert.equal(browserName(chrome), "chrome");
  assert.equal(browserName(safari), "safari");
  assert.equal(failureCode({ name: "NotAllowedError", message: "Permission denied" }, safari), "denied.safari");
  assert.equal(failureCode({ name: "NotAllowedError", message: "Permission denied by system" }, chrome), "denied.system");
  assert.equal(failureCode({ name: "NotFoundError", message: "" }, chrome), "NotFoundError");
  assert.equal(failureCode({ name: "TypeError", message: "" }, chrome), "other");
});

test("what may pass is tried again, what needs a person waits, what is wrong is not sent again", () => {
  assert.equal(judgeRefusal({ status: 0, code: "unreachable" }), "retry");
  assert.equal(judgeRefusal({ status: 507, code: "disk_full" }), "retry");
  assert.equal(judgeRefusal({ status: 502, code: "failed" }), "retry");
  assert.equal(judgeRefusal({ status: 403, code: "csrf" }), "retry");
  assert.equal(judgeRefusal({ status: 401, code: "sign_in" }), "halt");
  assert.equal(judgeRefusal({ status: 403, code: "no_consent" }), "halt");
  assert.equal(judgeRefusal({ status: 403, code: "other_person" }), "halt");
  assert.equal(judgeRefusal({ status: 400, code: "too_short" }), "refused");
  assert.equal(judgeRefusal({ status: 409, code: "id_taken" }), "refused");
});

test("waits double, up to half a minute", () => {
  assert.deepEqual([0, 1, 2, 10].map((attempt) => waitBefore(attempt, 0)), [1000, 2000, 4000, 30000]);
  assert.ok(nextDelay(20) <= 15000);
});

/** A store in memory with the sender's side of TakeStore. */
class Shelf {
  constructor(rows) {
    this.rows = new Map(rows.map((row) => [row.id, row]));
  }
  async of() {
    return [...this.rows.values()];
  }
  async put(row) {
    this.rows.set(row.id, row);
  }
  async delete(id) {
    this.rows.delete(id);
  }
}

const row = (id) => ({ id, prompt: 1, sha256: `hash-${id}`, session: "s", device: "", wav: new ArrayBuffer(4), state: "waiting" });

test("a take leaves the browser only when the server has its very hash", async () => {
  const store = new Shelf([row("a")]);
  let answer = { sha256: "another" };
  const sender = new Sender({ store, speaker: "x", url: "/clips/", send: async () => answer });
  await sender.run();
  clearTimeout(sender.timer);
  assert.equal(store.rows.size, 1);
  assert.equal(sender.problem, "mismatch");
  answer = { sha256: "hash-a" };
  await sender.now();
  assert.equal(store.rows.size, 0);
});

test("takes go in the order in which they were recorded, and stop at an outage", async () => {
  const store = new Shelf([row("a"), row("b"), row("c")]);
  const sent = [];
  const sender = new Sender({
    store,
    speaker: "x",
    url: "/clips/",
    send: async (url, form) => {
      const id = form.get("id");
      if (id === "b" && sent.length < 2) {
        sent.push("b failed");
        throw new Refusal(0, { code: "unreachable" });
      }
      sent.push(id);
      return { sha256: form.get("sha256") };
    },
  });
  await sender.run();
  clearTimeout(sender.timer);
  assert.deepEqual(sent, ["a", "b failed"]);
  await sender.now();
  assert.deepEqual(sent, ["a", "b failed", "b", "c"]);
});

test("a take that the server refuses for good stays here with the reason and does not block the others", async () => {
  const store = new Shelf([row("a"), row("b")]);
  const sender = new Sender({
    store,
    speaker: "x",
    url: "/clips/",
    send: async (url, form) => {
      if (form.get("id") === "a") throw new Refusal(400, { code: "too_long", message: "길어요" });
      return { sha256: form.get("sha256") };
    },
  });
  await sender.run();
  assert.deepEqual([...store.rows.keys()], ["a"]);
  assert.equal(store.rows.get("a").state, "refused");
  assert.equal(store.rows.get("a").refusal.message, "길어요");
});

/** A sender whose server stumbles over some takes; `tried` has the ids in order. */
function stumbling(ids, broken, refusal) {
  const store = new Shelf(ids.map(row));
  const tried = [];
  const send = async (url, form) => {
    tried.push(form.get("id"));
    if (broken.includes(form.get("id"))) throw new Refusal(refusal.status, refusal);
    return { sha256: form.get("sha256") };
  };
  return { store, tried, sender: new Sender({ store, speaker: "x", url: "/clips/", send }) };
}

for (const refusal of [{ status: 500 }, { status: 400, code: "damaged" }, { status: 413 }]) {
  test(`a take that always gets ${refusal.status} blocks none behind it, and stays here`, async () => {
    const { store, tried, sender } = stumbling(["a", "b", "c"], ["a"], refusal);
    const told = [];
    sender.addEventListener("change", ({ detail }) => told.push(detail));
    await sender.run();
    clearTimeout(sender.timer);
    assert.deepEqual(tried, ["a", "b", "c"]);
    assert.deepEqual([...store.rows.keys()], ["a"]);
    assert.equal(store.rows.get("a").state, "waiting");
    assert.deepEqual(told.at(-1), { waiting: 1, refused: 0, problem: refusal.code ?? "failed" });
    assert.equal(sender.attempt, 1);
  });
}

test("several bad takes let the others through in the next rounds, and a broken server gets two tries a round", async () => {
  const { store, tried, sender } = stumbling(["a", "b", "c", "d", "e"], ["a", "b", "c"], { status: 500 });
  await sender.run();
  assert.deepEqual(tried, ["a", "b"]);
  await sender.run();
  clearTimeout(sender.timer);
  assert.deepEqual(tried.slice(2), ["c", "d", "e", "a", "b"]);
  assert.deepEqual([...store.rows.keys()], ["a", "b", "c"]);
});

test("who is signed out sends nothing more", async () => {
  const { store, tried, sender } = stumbling(["a", "b"], ["a"], { status: 401, code: "sign_in" });
  await sender.run();
  assert.deepEqual(tried, ["a"]);
  assert.equal(store.rows.size, 2);
});

test("the upload carries what the server asks for", () => {
  const form = formOf({ ...row("a"), microphone: { echoCancellation: false } });
  assert.equal(form.get("sha256"), "hash-a");
  assert.deepEqual(JSON.parse(form.get("microphone")), { echoCancellation: false });
  assert.equal(form.get("audio").type, "audio/wav");
});

const key = (code, { matches = () => false, closest = () => null, ...rest } = {}) => ({ code, target: { matches, closest }, ...rest });

test("keys work by their place, and not in text fields, dialogs, with modifiers or held down", () => {
  assert.equal(actionOf(key("Space")), "record");
  assert.equal(actionOf(key("KeyL", { key: "ㅣ" })), "listen");
  assert.equal(actionOf(key("Space"), { dialogOpen: true }), null);
  assert.equal(actionOf(key("KeyS", { ctrlKey: true })), null);
  assert.equal(actionOf(key("KeyS", { repeat: true })), null);
  assert.equal(actionOf(key("KeyS", { isComposing: true })), null);
  assert.equal(actionOf(key("KeyS", { matches: () => true })), null);
  assert.equal(actionOf(key("KeyQ")), null);
});

test("space on a focused button presses that button, except on the record button", () => {
  assert.equal(actionOf(key("Space", { closest: (what) => (what.includes("button") ? {} : null) })), null);
  assert.equal(actionOf(key("Space", { closest: () => ({}) })), "record");
  assert.equal(actionOf(key("KeyR", { closest: (what) => (what.includes("button") ? {} : null) })), "again");
});

test("events come once and in order, and a gap is noticed", () => {
  const events = [3, 4, 5].map((seq) => ({ seq }));
  assert.deepEqual(sortOut(3, events), { fresh: [{ seq: 4 }, { seq: 5 }], last: 5, gap: false });
  assert.deepEqual(sortOut(1, events), { fresh: [], last: 1, gap: true });
  assert.equal(socketUrl("/ws/runs/1/", "https://studio.example/train/"), "wss://studio.example/ws/runs/1/");
});

test("a server that takes a socket and closes it at once is asked less and less often", () => {
  const sockets = [];
  globalThis.location = { href: "https://studio.example/train/" };
  globalThis.WebSocket = class extends EventTarget {
    constructor() {
      super();
      sockets.push(this);
    }
    send() {}
    close() {}
  };
  mock.timers.enable({ apis: ["Date", "setTimeout"] });
  const feed = new LiveFeed("/ws/runs/1/");
  const closeAfter = (milliseconds) => {
    sockets.at(-1).dispatchEvent(new Event("open"));
    mock.timers.tick(milliseconds);
    sockets.at(-1).dispatchEvent(new Event("close"));
  };
  for (let attempt = 0; attempt < 5; attempt += 1) {
    closeAfter(0);
    mock.timers.tick(nextDelay(attempt, 1));
    assert.equal(sockets.length, attempt + 2);
  }
  closeAfter(0);
  mock.timers.tick(nextDelay(4, 0));
  assert.equal(sockets.length, 6); // more patient by now than it was
  mock.timers.tick(nextDelay(5, 1));
  closeAfter(60000); // that one was a real connection
  mock.timers.tick(nextDelay(0, 1));
  assert.equal(sockets.length, 8);
  feed.close();
  mock.timers.reset();
  delete globalThis.WebSocket;
  delete globalThis.location;
});

test("an edge of the trim stays inside of the take and leaves enough of it", () => {
  const trim = { start: 0.4, end: 1.6, least: 0.3, most: 2 };
  assert.equal(moveEdge(trim, "start", 0.51249).start, 0.512);
  assert.equal(moveEdge(trim, "start", -1).start, 0);
  assert.equal(moveEdge(trim, "start", 1.9).start, 1.3);
  assert.equal(moveEdge(trim, "end", 5).end, 2);
  assert.equal(moveEdge(trim, "end", 0).end, 0.7);
});

test("arrows move an edge by a hundredth of a second, pages by a tenth, home and end to the ends", () => {
  const near = (key, expected, shiftKey = false) => assert.ok(Math.abs(keyTarget({ key, shiftKey }, 1, 2) - expected) < 1e-9);
  near("ArrowLeft", 0.99);
  near("ArrowRight", 1.01);
  near("ArrowRight", 1.1, true);
  near("PageDown", 0.9);
  near("Home", 0);
  near("End", 2);
  assert.equal(keyTarget({ key: "Enter" }, 1, 2), null);
});

test("what was done last is taken back first, and stays when that fails", async () => {
  const shown = [];
  const undos = new UndoStack((words) => shown.push(words));
  let works = false;
  undos.push("first", async () => true);
  undos.push("second", async () => works);
  await undos.undo();
  assert.equal(shown.at(-1), "second");
  works = true;
  await undos.undo();
  assert.equal(shown.at(-1), "first");
  await undos.undo();
  await undos.undo();
  assert.equal(shown.at(-1), "");
});

/** localStorage, as far as the keys need it. */
const drawer = (stored = {}) => ({
  stored,
  getItem: (name) => stored[name] ?? null,
  setItem: (name, value) => (stored[name] = value),
  removeItem: (name) => delete stored[name],
});

test("a key that was changed is kept by the browser and does what it should", () => {
  const storage = drawer();
  assert.equal(new KeyMap(storage).set("listen", "KeyP"), null);
  const keys = new KeyMap(storage);
  assert.equal(actionOf(key("KeyP"), { keys }), "listen");
  assert.equal(actionOf(key("KeyL"), { keys }), null);
  keys.reset();
  assert.equal(actionOf(key("KeyL"), { keys: new KeyMap(storage) }), "listen");
  assert.deepEqual(storage.stored, {});
});

test("a key that another action has, and one that the browser needs, are refused", () => {
  const keys = new KeyMap(drawer());
  assert.deepEqual(keys.set("listen", "KeyR"), { reason: "conflict", action: "again" });
  assert.deepEqual(keys.set("listen", "NumpadEnter"), { reason: "conflict", action: "keep" });
  for (const code of ["Escape", "Tab", "F5", "ShiftLeft", ""]) assert.deepEqual(keys.set("listen", code), { reason: "reserved" });
  assert.equal(keys.set("listen", "KeyL"), null);
  assert.equal(keys.codes.listen, "KeyL");
});

test("stored keys that make no sense are left alone", () => {
  for (const stored of ["nonsense", "null", '{"listen": "KeyR"}', '{"listen": 5}', '{"record": "Tab"}']) {
    assert.equal(new KeyMap(drawer({ "moksori.keys": stored })).codes.listen, "KeyL");
  }
  assert.equal(new KeyMap(drawer({ "moksori.keys": '{"gone": "KeyQ"}' })).actionOf("KeyQ"), null);
});

test("another key for recording leaves space to the buttons", () => {
  const keys = new KeyMap(drawer());
  keys.set("record", "KeyQ");
  const onButton = { closest: (what) => (what.includes("button") ? {} : null) };
  assert.equal(actionOf(key("KeyQ", onButton), { keys }), "record");
  assert.equal(actionOf(key("Space", onButton), { keys }), null);
});

test("a field of a dialog that was just closed holds no key back, though it has the focus for a frame", () => {
  const left = { matches: () => true, closest: (what) => (what === "dialog:not([open])" ? {} : null) };
  assert.equal(actionOf(key("KeyL", left)), "listen");
});

test("keys are shown as they are printed", () => {
  assert.deepEqual(["KeyA", "Digit1", "ArrowLeft", "Enter", "Numpad5", "Slash"].map((code) => keyLabel(code)), ["A", "1", "←", "↵", "Num 5", "/"]);
  assert.equal(keyLabel("Space", { Space: "스페이스" }), "스페이스");
});
