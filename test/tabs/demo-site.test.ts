/** The demo as a part of the site: files alone, in a folder of any host, and its APIs in a service worker. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { buildDemo } from "../../demo/site/build.js";
import { serve, type Served } from "../apis/sockets.ts";
import { hardReload, launch } from "./browsers.ts";
import { figure, press, signIn } from "./demo-visit.ts";

const PLACE = "/docs/demo/";
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
};

const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-demo-"));
let site: Served;
let browser: Browser;
beforeAll(async () => {
  await buildDemo(folder);
  site = await serve(async (request) => {
    const { pathname } = new URL(request.url);
    const name = pathname.replace(PLACE, "") || "index.html";
    const file = await readFile(path.join(folder, name)).catch(() => undefined);
    const type = types[path.extname(name)] ?? "application/octet-stream";
    return new Response(file, {
      status: file ? 200 : 404,
      headers: { "content-type": `${type}; charset=utf-8` },
    });
  });
  browser = await launch();
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await site?.close();
  rmSync(folder, { recursive: true });
});

async function visit(query = "", options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const faults: string[] = [];
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // The browser's own lines of a 401 and a 503, which are what the demo is about.
    const isWanted = /status of (401|503)/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isWanted) faults.push(message.text());
  });
  page.on("response", (response) => {
    if (response.status() === 404) faults.push(response.url());
  });
  await page.goto(site.url + PLACE + query);
  await page.locator("body[data-ready]").waitFor();
  return page;
}

it("five tabs with fifty requests each, and one refresh, without a server [P1]", async () => {
  const page = await visit();
  expect(await press(page, "Show me")).toContain("The worker made one refresh for all");
  expect(await figure(page, "requests")).toBe(250);
  expect(await figure(page, "healed")).toBe(250);
  expect(await figure(page, "refreshes")).toBe(1);
  // What was signed in lives on when the page is loaded anew, past its service worker, too.
  await hardReload(page);
  await page.locator("body[data-ready]").waitFor();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  expect(await press(page, "Send one")).toContain("In the end it was answered");
});

it("the buttons reach the APIs in the service worker", async () => {
  const page = await visit();
  await signIn(page);
  await Promise.all([page.waitForEvent("load"), page.getByLabel("Strict rotation").click()]);
  await page.locator("body[data-ready]").waitFor();
  expect(await page.getByLabel("Strict rotation").isChecked()).toBe(false);
  expect(await press(page, "503")).toContain("503");
  expect(await press(page, "Never")).toContain("In the end all were answered");
  expect(await press(page, "Close the tab that asked")).toContain("answered");
  expect(await press(page, "Good")).toContain("Verified");
  expect(await press(page, "Forged")).toContain("Refused");
});

it("each API that needs no server is there, and what needs one is said to be elsewhere", async () => {
  const page = await visit("?api=cookie");
  const names = await page
    .locator("#apis-nav a")
    .evaluateAll((links) =>
      links.map((link) => new URL((link as HTMLAnchorElement).href).searchParams.get("api") ?? ""),
    );
  expect(names).toEqual(["vmcloud", "artos", "clary-jwt", "clary", "simplismart", "qovery"]);
  await page.locator("[aria-current]", { hasText: "VMCloud" }).waitFor();
  await page.getByText("the Cloudflare Worker need servers").waitFor();
  expect(await page.getByRole("button", { name: "Two hundred visitors" }).isVisible()).toBe(false);
  for (const name of names) {
    await page.goto(`${site.url}${PLACE}?api=${name}`);
    await page.locator("body[data-ready]").waitFor();
    await signIn(page);
    expect([name, await press(page, "Fifty at once")]).toEqual([
      name,
      expect.stringContaining("In the end all were answered"),
    ]);
  }
});

it.each(["light", "dark"] as const)("axe finds nothing, in the %s", async (colorScheme) => {
  for (const width of [360, 1280]) {
    const page = await visit("", { colorScheme, viewport: { width, height: 740 } });
    await page.addScriptTag({ content: axe.source });
    const found = await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
      return violations.map(({ id }) => id);
    });
    expect([width, found]).toEqual([width, []]);
    const { scrollWidth, clientWidth } = await page.evaluate(() => ({
      scrollWidth: document.documentElement.scrollWidth,
      clientWidth: document.documentElement.clientWidth,
    }));
    expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
  }
});
