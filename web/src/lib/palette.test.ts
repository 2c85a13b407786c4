import assert from "node:assert/strict";
import { test } from "node:test";
import { colouringFor, colourOf, colourOfTrack } from "./palette.ts";

test("boxes have the colours of tracks where they are wanted and there are some", () => {
  assert.equal(colouringFor([{}, { track: 7 }], "track"), "track");
  assert.equal(colouringFor([{}, { track: 7 }], "label"), "label");
  assert.equal(colouringFor([{}], "track"), "label");
  assert.equal(colourOfTrack(1), colourOf(0));
  assert.notEqual(colourOfTrack(7), colourOfTrack(8));
});
