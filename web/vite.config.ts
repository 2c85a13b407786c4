import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` serves the web UI next to a running service; API is its URL.
const api = process.env.API ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    // No inlined data: the content security policy requires scripts, styles and images to be files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  plugins: [licences(), compressed()],
  server: { proxy: { "/api": api, "/docs": api, "/readyz": api } },
});

/** Writes the licences of all bundled packages into one file. */
function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const folders = new Set<string>();
      // From the modules, since those of styles are in no chunk.
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
        if (!file) throw new Error(`${name} ${version} has no text of its licence ${license}`);
        return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", name: "licences.txt", source: texts.join(`\n${"-".repeat(72)}\n\n`) });
    },
  };
}

/** The package.json of a folder; null for one of a subfolder of a package. */
function named(folder: string): { name: string; version: string; license: string } | null {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return about.name && about.version ? about : null;
}

/** Writes a .gz next to each text file, which the service sends as it is. */
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
