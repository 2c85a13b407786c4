import assert from "node:assert/strict";
import { test } from "node:test";
import { actionOf, isFree, nextSpeed, SHORTCUTS } from "./keys.ts";

const press = (key: string, held = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...held });

test("no key has two actions", () => {
  const keys = SHORTCUTS.flatMap(([all]) => all);
  assert.equal(new Set(keys).size, keys.length);
});

test("shortcuts of the browser are left alone", () => {
  assert.equal(actionOf(press("f")), "fullscreen");
  assert.equal(actionOf(press("F")), "fullscreen");
  assert.equal(actionOf(press("f", { ctrlKey: true })), null);
  assert.equal(actionOf(press("l", { metaKey: true })), null);
  assert.equal(actionOf(press("Tab")), null);
});

test("the focused element keeps its keys", () => {
  assert.equal(isFree(" ", "button"), false);
  assert.equal(isFree(",", "button"), true);
  assert.equal(isFree("ArrowLeft", "slider"), false);
  assert.equal(isFree(" ", "slider"), true);
  assert.equal(isFree("k", "text"), false);
});

test("the speed stops at both ends", () => {
  assert.equal(nextSpeed(1, 1), 1.5);
  assert.equal(nextSpeed(0.1, -1), 0.1);
  assert.equal(nextSpeed(8, 1), 8);
});
