/** The examples, installed from the packed file, built and driven. `npm run examples` installs what they need. */
import { defineConfig } from "vitest/config";
import { findBrowsers } from "../../scripts/browsers.js";

const debian = findBrowsers();

export default defineConfig({
  root: new URL("../..", import.meta.url).pathname,
  resolve: { tsconfigPaths: true },
  test: {
    include: ["test/examples/**/*.test.ts"],
    environment: "node",
    globalSetup: ["./test/examples/install-packed.ts"],
    provide: {
      ...(debian && { wholeChromium: debian.wholeChromium }),
      chromium: {
        ...(debian && { executablePath: debian.chromium }),
        args: [
          "--disable-background-networking",
          "--disable-component-update",
          "--no-first-run",
          "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ],
      },
    },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
