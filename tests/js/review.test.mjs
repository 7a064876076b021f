// The keys of the list of takes. Run: node --test tests/js/
import assert from "node:assert/strict";
import { test } from "node:test";

import { actionOf, step } from "../../static/js/review/keys.js";

const at = (matching) => ({ matches: () => matching === "text", closest: () => (matching === "button" ? {} : null) });
const press = (code, more = {}) => actionOf({ code, target: at("row"), ...more });

test("keys go by their place, so that a Korean input method does not matter", () => {
  assert.equal(press("KeyJ", { key: "ㅓ" }), "next");
  assert.deepEqual(["KeyK", "Space", "KeyA", "KeyR", "KeyU"].map((code) => press(code)), [
    "back", "listen", "accept", "return", "clear",
  ]);
  assert.equal(press("KeyQ"), null);
});

test("keys are off in text fields, in an open dialog and with a modifier", () => {
  assert.equal(press("KeyA", { target: at("text") }), null);
  assert.equal(actionOf({ code: "KeyA", target: at("row") }, { dialogOpen: true }), null);
  for (const key of ["ctrlKey", "metaKey", "altKey", "shiftKey", "isComposing"]) assert.equal(press("KeyR", { [key]: true }), null);
});

test("the space bar belongs to a button that has the focus, and the letters do not", () => {
  assert.equal(press("Space", { target: at("button") }), null);
  assert.equal(press("KeyA", { target: at("button") }), "accept");
});

test("a key that is held down moves on, and decides only once", () => {
  assert.equal(press("KeyJ", { repeat: true }), "next");
  assert.equal(press("KeyA", { repeat: true }), null);
});

test("steps end at both ends of the list", () => {
  assert.equal(step("next", -1, 3), 0);
  assert.equal(step("next", 2, 3), null);
  assert.equal(step("back", 0, 3), null);
  assert.equal(step("back", -1, 3), 0);
  assert.equal(step("next", -1, 0), null);
});
