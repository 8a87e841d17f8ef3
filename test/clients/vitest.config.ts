/** Other clients over `vault.fetch`. `npm run clients` installs them first. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  resolve: { tsconfigPaths: true },
  test: { include: ["test/clients/**/*.test.ts"], environment: "node", testTimeout: 20_000 },
});
