// Checks of the built web UI; run `make page` first.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const DIST = join(import.meta.dirname, "../dist");
const MOST_BYTES = 250_000;
const read = (name: string) => readFileSync(join(DIST, name), "utf8");
const assets = () => readdirSync(join(DIST, "assets")).map((name) => `assets/${name}`);

test("the web UI stays small", () => {
  const loaded = ["index.html", ...assets().filter((name) => /\.(js|css)$/.test(name))];
  const size = loaded.reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0);
  assert.ok(loaded.length > 2);
  assert.ok(size < MOST_BYTES, `${size} bytes, gzipped`);
});

test("THIRD_PARTY_NOTICES lists the bundled packages and licences", () => {
  const [name] = assets().filter((one) => /licences-[^.]*\.txt$/.test(one));
  const bundled = [...read(name as string).matchAll(/^(\S+) [\d.]+ \((.+)\)$/gm)].map(([, one, licence]) => [
    one,
    licence,
  ]);
  const notices = readFileSync(join(DIST, "../../THIRD_PARTY_NOTICES.md"), "utf8");
  const table = notices.split("| package of the page | licence |")[1]?.split("\n\n")[0] ?? "";
  const told = [...table.matchAll(/^\| ([^-|]\S*) \| (\S+) \|$/gm)].map(([, one, licence]) => [one, licence]);
  assert.deepEqual(told, bundled);
});

test("the content security policy needs no exceptions", () => {
  const html = read("index.html");
  assert.deepEqual(html.match(/<script(?![^>]* src="\/assets\/)[^>]*>|<style| style=| on\w+=/g), null);
  const script = assets()
    .filter((name) => name.endsWith(".js"))
    .map(read)
    .join("\n");
  assert.doesNotMatch(script, /\beval\(|new Function\(/);
  const style = assets()
    .filter((name) => name.endsWith(".css"))
    .map(read)
    .join("\n");
  assert.doesNotMatch(style, /url\((?!\/assets\/)|@import/);
});

test("each file has an identical compressed copy", async () => {
  const { gunzipSync } = await import("node:zlib");
  for (const name of ["index.html", ...assets().filter((one) => /\.(js|css)$/.test(one))])
    assert.equal(gunzipSync(readFileSync(join(DIST, `${name}.gz`))).toString(), read(name));
});
