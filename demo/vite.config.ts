/**
 * `npm run demo`: the demo's folder is the root; `tokenkeep/…` leads to the sources. The API runs
 * beside the page, on an origin of its own.
 */

import { defineConfig } from "vite";
import { vmcloudApi } from "./server.ts";

export default defineConfig({
  root: import.meta.dirname,
  resolve: { tsconfigPaths: true },
  server: { host: "127.0.0.1" },
  // Found in mid-visit, it would reload the page.
  optimizeDeps: { include: ["idb-keyval"] },
  plugins: [vmcloudApi()],
});
