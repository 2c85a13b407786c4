import assert from "node:assert/strict";
import { test } from "node:test";

test("a language that is none becomes one that Intl takes", async () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator") as PropertyDescriptor;
  const told = { language: "C" };
  Object.defineProperty(globalThis, "navigator", { value: told, configurable: true });
  await import("./locale.ts");
  assert.equal(new Intl.NumberFormat(told.language).format(1234), "1,234");
  Object.defineProperty(globalThis, "navigator", before);
});
