/** The test lanes. `npm test` runs them all, `npm run test:quick` those that need no browser. */

import os from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { playwright } from "@vitest/browser-playwright";
import { webdriverio } from "@vitest/browser-webdriverio";
import { defineConfig } from "vitest/config";
import type { TestProjectInlineConfiguration } from "vitest/config";
import type { TestProject } from "vitest/node";
import { findBrowsers } from "./scripts/browsers.js";
import { networkFaults } from "./test/setup/network-faults-command.ts";
import { freePort } from "./test/support/free-port.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Launch options of the Chromium that the tests run in, for tests that drive it themselves. */
    chromium: { executablePath?: string; args: string[] };
    /** Where the Chromium that takes extensions is, unless Playwright knows. */
    wholeChromium?: string;
    /** Whose rules a Worker under test goes by. */
    compatibilityDate: string;
    /** The same for Firefox. */
    firefox: { executablePath?: string; channel?: string; firefoxUserPrefs: object };
  }
}

const debian = findBrowsers();
const control = "./test/setup/control.ts";
const inBrowsers = ["test/runtimes/browser.test.ts"];

/** Each file starts browsers or many processes: two at a time, when the rest is done. */
const heavy = { maxWorkers: 2, sequence: { groupOrder: 1 } };

const chromium = {
  ...(debian && { executablePath: debian.chromium }),
  args: [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    // The tests need nothing but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
  ],
};

const firefox = {
  ...(debian && { executablePath: debian.firefox, channel: "moz-firefox" }),
  firefoxUserPrefs: {
    "app.normandy.enabled": false,
    "app.update.disabledForTesting": true,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
  },
};

/** Debian's WebKitGTK is driven by WebDriver; everywhere else Playwright brings a WebKit. */
async function webkit(): Promise<TestProjectInlineConfiguration> {
  const shared = { enabled: true, screenshotFailures: false };
  if (!debian) {
    const instances = [{ browser: "webkit" as const, name: "webkit" }];
    return {
      extends: true,
      test: {
        name: "webkit",
        include: inBrowsers,
        globalSetup: [control],
        browser: { ...shared, headless: true, provider: playwright(), instances },
      },
    };
  }
  const port = await freePort();
  return {
    extends: true,
    test: {
      name: "webkit",
      include: inBrowsers,
      globalSetup: ["./test/setup/webkit.ts", control],
      provide: { webkit: { driver: debian.webkitDriver, port } },
      browser: {
        ...shared,
        headless: false,
        // Where the page can be seen, Vitest draws its own over it, for the whole of the run: most of a core.
        ui: false,
        provider: miniBrowser(port, debian.webkit),
        instances: [{ browser: "safari", name: "webkit" }],
      },
    },
  };
}

/** Vitest knows WebDriver's Safari only; WebKitGTK calls its browser by another name. */
function miniBrowser(port: number, binary: string): ReturnType<typeof webdriverio> {
  const provider = webdriverio({
    hostname: "127.0.0.1",
    port,
    path: "/",
    capabilities: {
      "wdio:enforceWebDriverClassic": true,
      "webkitgtk:browserOptions": { binary, args: ["--automation"] },
    } as WebdriverIO.Capabilities,
  });
  const { providerFactory } = provider;
  provider.providerFactory = (project: TestProject) => {
    const made = providerFactory(project) as unknown as { buildCapabilities(): object };
    const build = made.buildCapabilities.bind(made);
    made.buildCapabilities = () => ({ ...build(), browserName: "MiniBrowser" });
    return made as unknown as ReturnType<typeof providerFactory>;
  };
  return provider;
}

/** Real workerd, with KV and Durable Objects on this machine. */
function workerd(
  name: string,
  include: string[],
  compatibilityDate?: string,
): TestProjectInlineConfiguration {
  const wrangler = { configPath: "./test/workers/wrangler.jsonc" };
  const miniflare =
    compatibilityDate === undefined
      ? {}
      : {
          miniflare: {
            compatibilityDate,
            compatibilityFlags: ["unhandled_rejection_after_microtask_checkpoint"],
          },
        };
  return {
    extends: true,
    plugins: [cloudflareTest({ wrangler, ...miniflare })],
    test: {
      name,
      globalSetup: [control],
      include,
      provide: { compatibilityDate: compatibilityDate ?? "now" },
    },
  };
}

export default defineConfig({
  resolve: { tsconfigPaths: true },
  // A dependency found in mid-test would reload the page under the tests.
  optimizeDeps: {
    include: [
      "idb-keyval",
      "jose",
      "oauth4webapi",
      "wretch",
      "wretch/addons",
      "wretch/middlewares",
    ],
  },
  test: {
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A second, as by default, is a guess at how busy the machine is.
    expect: { poll: { timeout: 15_000 } },
    // Vitest's own default is one fewer than the machine has: a single one on two cores.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          environment: "node",
          globalSetup: [control],
          // Days of virtual time are seconds of work, and tenfold on a machine that does more besides.
          testTimeout: 120_000,
          include: [
            "test/unit/**/*.test.ts",
            "test/docs/**/*.test.ts",
            "test/apis/**/*.test.ts",
            "test/edge/**/*.test.ts",
            "test/fleet/**/*.test.ts",
            "test/model/**/*.test.ts",
            "test/runtimes/node.test.ts",
            "test/runtimes/shortest-programs.test.ts",
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "dom",
          environment: "happy-dom",
          setupFiles: ["./test/setup/happy-dom.ts"],
          globalSetup: [control],
          include: ["test/runtimes/dom.test.ts", "test/dom/**/*.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: inBrowsers,
          globalSetup: [control],
          setupFiles: ["./test/setup/network-faults.ts"],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            commands: { networkFaults },
            instances: [
              { browser: "chromium", provider: playwright({ launchOptions: chromium }) },
              { browser: "firefox", provider: playwright({ launchOptions: firefox }) },
            ],
          },
        },
      },
      await webkit(),
      workerd("workers", ["test/workers/**/*.test.ts", "test/runtimes/workerd.test.ts"]),
      // Workers keep the rules of the day they were made on: before 2025-09-01 `fetch` took
      // `Authorization` along to another origin, before 2024-11-11 it refused `cache`. RPC came with
      // 2024-04-03.
      workerd("workers of 2025", ["test/workers/redirects-by-date.test.ts"], "2025-08-01"),
      workerd("workers of 2024", ["test/workers/vault-in-workerd.test.ts"], "2024-04-03"),
      {
        extends: true,
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: "./demo/wrangler.jsonc" },
            miniflare: {
              bindings: inject("workerApis").bindings,
            },
          })),
        ],
        test: {
          name: "demo's worker",
          globalSetup: ["./test/setup/worker-apis.ts"],
          include: ["test/demo-worker/**/*.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "tabs",
          environment: "node",
          include: ["test/tabs/**/*.test.ts"],
          globalSetup: [control],
          provide: { chromium, firefox },
          testTimeout: 120_000,
          hookTimeout: 60_000,
          ...heavy,
        },
      },
      {
        extends: true,
        test: {
          name: "processes",
          environment: "node",
          include: ["test/node/**/*.test.ts"],
          globalSetup: [control],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          ...heavy,
        },
      },
      {
        extends: true,
        test: {
          name: "package",
          environment: "node",
          include: ["test/package/**/*.test.ts"],
          provide: { chromium, firefox },
          testTimeout: 120_000,
          // Each packs, builds and installs first, two at a time.
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
