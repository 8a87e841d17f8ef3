/** Stores over real servers: `npm run test:servers` runs this. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    name: "servers",
    root: `${import.meta.dirname}/../..`,
    include: ["test/servers/**/*.test.ts"],
    globalSetup: ["./test/setup/control.ts", "./test/servers/find-servers.ts"],
    // Some files have eight processes and a server.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
