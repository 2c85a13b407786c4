import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` serves the page beside a running service; API names where that is.
const api = process.env.API ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    // No inlined data: the page's security policy has scripts, styles and pictures come as files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  plugins: [licences(), compressed()],
  server: { proxy: { "/api": api, "/docs": api, "/readyz": api } },
});

/** Writes the licences of all packages that the page holds code of into one file beside it. */
function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const folders = new Set<string>();
      // From the modules that were read, as those of styles are in no chunk.
      for (const id of this.getModuleIds()) {
        const path = id.replace(/^\0/, "").replace(/\?.*$/, "");
        if (!path.includes("node_modules")) continue;
        let folder = dirname(path);
        while (!existsSync(join(folder, "package.json")) || !named(folder)) folder = dirname(folder);
        folders.add(folder);
      }
      const texts = [...folders].sort().map((folder) => {
        const { name, version, license } = named(folder) ?? {};
        const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
        if (!file) throw new Error(`${name} ${version} names ${license}, and has no text of it`);
        return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", name: "licences.txt", source: texts.join(`\n${"-".repeat(72)}\n\n`) });
    },
  };
}

/** What the package.json of a folder says; null for one that only tells of a part of a package. */
function named(folder: string): { name: string; version: string; license: string } | null {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return about.name && about.version ? about : null;
}

/** Puts a .gz beside each file of text, for the service to hand out as it is. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    writeBundle({ dir }) {
      const folder = dir as string;
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg|txt)$/.test(name)) continue;
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}
