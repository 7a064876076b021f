import assert from "node:assert/strict";
import { test } from "node:test";

import { choicesOf, isPlain, notesOf, parts } from "../../static/js/lib/reading.js";
import { choicesIn } from "../../static/js/speak/reading-panel.js";
import { barsOf, clock, locate, nextStart, squeeze, startOf } from "../../static/js/speak/timeline.js";

const reading = {
  text: "문 3개, iPhone 😀",
  spans: [
    { start: 0, end: 2, surface: "문 ", reading: "문 ", pronunciation: "문 " },
    { start: 2, end: 4, surface: "3개", reading: "세 개", pronunciation: "세 개" },
    { start: 4, end: 6, surface: ", ", reading: ", ", pronunciation: ", " },
    { start: 6, end: 12, surface: "iPhone", reading: "아이폰", pronunciation: "아이폰", guessed: true, alternatives: ["아이 폰"] },
    { start: 12, end: 15, surface: " 😀", reading: "", pronunciation: "" },
  ],
  left_out: [{ start: 12, end: 15, surface: " 😀", reason: "emoji" }],
};

test("only what is read otherwise than it stands gets a reading above it", () => {
  assert.deepEqual(parts(reading).map((part) => part.above), ["", "세 개", "", "아이폰", ""]);
});

test("the parts put together are the text", () => {
  assert.equal(parts(reading).map((part) => part.text).join(""), reading.text);
});

test("guesses and what is left out are marked", () => {
  assert.deepEqual(parts(reading).map((part) => [part.guess, part.leftOut]).slice(3), [[true, false], [false, true]]);
  assert.deepEqual(notesOf([reading]), { guess: true, leftOut: true });
});

test("the sound is shown above words that sound otherwise than they are written", () => {
  const sounding = { spans: [{ start: 0, end: 2, surface: "같이", reading: "같이", pronunciation: "가치" }] };
  assert.equal(parts(sounding)[0].above, "");
  assert.equal(parts(sounding, { sounded: true })[0].above, "가치");
});

test("marks and spaces alone are no other reading", () => {
  assert.equal(isPlain("“안녕”", "안녕"), true);
  assert.equal(isPlain("12도", "십이 도"), false);
});

test("a sound follows the last one without a gap, or at once where that is past", () => {
  assert.equal(nextStart(1, 3), 3);
  assert.equal(nextStart(5, 3, 0.04), 5.04);
});

test("a moment lies in the sentence that is heard then", () => {
  const lengths = [1, 2, 3];
  assert.equal(startOf(lengths, 2), 3);
  assert.deepEqual(locate(lengths, 0), { index: 0, offset: 0 });
  assert.deepEqual(locate(lengths, 1), { index: 1, offset: 0 });
  assert.deepEqual(locate(lengths, 4.5), { index: 2, offset: 1.5 });
  assert.deepEqual(locate(lengths, 99), { index: 2, offset: 3 });
  assert.deepEqual(locate([], 1), { index: 0, offset: 0 });
});

test("bars show the loudest sample of each twentieth of a second", () => {
  const samples = new Float32Array(200);
  samples[150] = -0.5;
  assert.deepEqual(barsOf(samples, 2000), [0, 0.5]);
  assert.deepEqual(squeeze([1, 5, 2, 8], 2), [5, 8]);
  assert.deepEqual(squeeze([1, 2], 9), [1, 2]);
});

test("times are shown as minutes and seconds", () => {
  assert.deepEqual([0, 9.97, 65.4].map(clock), ["0:00", "0:10", "1:05"]);
});

test("the reading at hand is the first choice, and what was offered before stays one", () => {
  const span = { reading: "삼 번 ", alternatives: ["세 번"] };
  assert.deepEqual(choicesOf(span), ["삼 번", "세 번"]);
  assert.deepEqual(choicesOf({ reading: "세 번" }, ["삼 번", "세 번"]), ["세 번", "삼 번"]);
  assert.deepEqual(choicesOf({ reading: "" }), []);
});

test("spaces and marks are no words to choose a reading for", () => {
  const spans = [
    { surface: "옷", reading: "옷", kind: "word" },
    { surface: " ", reading: " ", kind: "space" },
    { surface: "!", reading: "!", kind: "punctuation" },
  ];
  assert.deepEqual(parts({ spans }).map((part) => part.word), [true, false, false]);
});

test("a choice goes with its word", () => {
  assert.deepEqual(choicesIn("3번 출구", { "3번": "삼 번", KBS: "한국방송" }), { "3번": "삼 번" });
});
