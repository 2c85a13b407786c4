import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
  plugins: [compressed()],
  server: { proxy: { "/api": api, "/docs": api, "/readyz": api } },
});

/** Puts a .gz beside each file of text, for the service to hand out as it is. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    writeBundle({ dir }) {
      const folder = dir as string;
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}
