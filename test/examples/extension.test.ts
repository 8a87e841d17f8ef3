/** The extension in a real Chromium: popup, page and service worker, over an API on a real socket under its own name. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { type BrowserContext, chromium, type Page } from "playwright";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import type { FakeApi } from "../../src/testing.ts";
import { serve, type Served } from "../apis/sockets.ts";
import { serveProxy } from "../package/servers.ts";
import { examples, showsThings, signIn, thingsApi } from "./served-example.ts";

const folder = path.join(examples, "extension");
const profile = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-extension-"));
const open: Served[] = [];
let api: FakeApi;
let context: BrowserContext;
let origin: string;

beforeAll(async () => {
  await build({
    entryPoints: ["background.ts", "page.ts"].map((name) => path.join(folder, "src", name)),
    bundle: true,
    format: "esm",
    outdir: path.join(folder, "dist"),
    logLevel: "error",
  });
  api = thingsApi();
  const served = await serve((request) => {
    const { pathname } = new URL(request.url);
    return api.fetch(new Request(api.origin + pathname, request));
  });
  const proxy = await serveProxy({ "api.example.com": served.url });
  open.push(served, proxy);
  const { args } = inject("chromium");
  const executablePath = inject("wholeChromium");
  context = await chromium.launchPersistentContext(profile, {
    ...(executablePath !== undefined && { executablePath }),
    headless: true,
    channel: "chromium",
    ignoreHTTPSErrors: true,
    proxy: { server: proxy.url },
    args: [
      ...args,
      "--ignore-certificate-errors",
      `--disable-extensions-except=${folder}`,
      `--load-extension=${folder}`,
    ],
  });
  const [worker = await context.waitForEvent("serviceworker")] = context.serviceWorkers();
  // Node knows no origin of such an address.
  origin = worker.url().split("/").slice(0, 3).join("/");
});
afterAll(async () => {
  await context?.close();
  await Promise.all(open.map((one) => one.close()));
  for (const made of [profile, path.join(folder, "dist")])
    rmSync(made, { recursive: true, force: true });
});

const tab = async (name: string): Promise<Page> => {
  const page = await context.newPage();
  await page.goto(`${origin}/${name}.html`);
  return page;
};

/** What the service worker counts. */
const counted = (page: Page): Promise<unknown> =>
  page.evaluate(() => (globalThis as any).chrome.runtime.sendMessage("count"));

it("popup, page and service worker have one session: one sign-in, one refresh, one sign-out [P1 P4]", async () => {
  const page = await tab("page");
  await signIn(page);
  await showsThings(page);
  const popup = await tab("popup");
  await showsThings(popup);
  expect(await counted(page)).toBe("2");
  expect(api.counts).toMatchObject({ signIns: 1, refreshes: 0, unauthorized: 0 });

  api.expire();
  // All three ask at once: the worker for the third tab, and the other two for themselves.
  const third = await tab("popup");
  const [count] = await Promise.all([counted(third), page.reload(), popup.reload()]);
  expect(count).toBe("2");
  await Promise.all([showsThings(page), showsThings(popup)]);
  expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, reuses: 0 });

  await popup.getByRole("button", { name: "Sign out" }).click();
  for (const one of [page, popup]) await one.locator("form").waitFor();
  expect(await counted(page)).toContain("nobody is signed in");
});
