/**
 * `npm run demo`: the demo's folder is the root; `tokenkeep/…` leads to the sources. The APIs run
 * beside the page, each on an origin of its own.
 */

import { defineConfig } from "vite";
import { demoApis } from "./backstage/server.ts";

export default defineConfig({
  root: import.meta.dirname,
  resolve: { tsconfigPaths: true },
  server: { host: "127.0.0.1" },
  // Found in mid-visit, it would reload the page.
  optimizeDeps: { include: ["idb-keyval", "jose", "oauth4webapi", "wretch"] },
  plugins: [demoApis()],
});
