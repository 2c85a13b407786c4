import { defineConfig } from "vite";

// `npm run dev` serves the page beside a running service; API names where that is.
const api = process.env.API ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    // No inlined data: the page's security policy has scripts, styles and pictures come as files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/api": api, "/docs": api, "/readyz": api } },
});
