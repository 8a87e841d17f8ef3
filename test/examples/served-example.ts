/** What every example of a page is tried with: a fake API in the network's place, and tabs that share a session. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright";
import { afterAll, beforeAll, expect, inject, onTestFinished } from "vitest";
import { type FakeApi, fakeApi } from "../../src/testing.ts";
import { serve, type Served } from "../apis/sockets.ts";
import { root } from "../support/programs.ts";

export const examples: string = path.join(root, "demo/examples");

const THINGS: readonly string[] = ["lamp", "chair"];

/** The API that the examples ask. */
export const thingsApi = (): FakeApi => fakeApi({ answer: () => Response.json(THINGS) });

let browser: Browser;
/** Call it once at the top of a test file. */
export function useChromium(): void {
  beforeAll(async () => {
    browser = await chromium.launch({ ...inject("chromium"), headless: true });
  });
  afterAll(() => browser?.close());
}

export interface Tabs {
  readonly api: FakeApi;
  readonly context: BrowserContext;
  open(url: string): Promise<Page>;
}

/** Tabs that share storage, over an API of their own; an error in one of them fails the test. */
export async function openTabs(): Promise<Tabs> {
  const api = thingsApi();
  const context = await browser.newContext();
  const faults: string[] = [];
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  await context.route(`${api.origin}/**`, api.route);
  return {
    api,
    context,
    async open(url) {
      const page = await context.newPage();
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("console", (message) => {
        const isOurs = message.type() === "error" && !message.text().includes("status of 4");
        if (isOurs || message.type() === "warning") faults.push(message.text());
      });
      await page.goto(url);
      return page;
    },
  };
}

export async function signIn(page: Page): Promise<void> {
  await page.locator("input[name=email]").fill("ada@example.com");
  await page.locator("input[name=password]").fill("correct horse");
  await page.locator("form button").click();
}

export async function showsThings(page: Page): Promise<void> {
  await page.locator("li").nth(1).waitFor();
  expect(await page.locator("li").allTextContents()).toEqual(THINGS);
}

/** What each example has to do: one sign-in for two tabs, one refresh, one sign-out, and an ended session. */
export async function drive(url: string): Promise<void> {
  const { api, open } = await openTabs();
  const first = await open(url);
  await signIn(first);
  await showsThings(first);
  const second = await open(url);
  await showsThings(second);
  expect(api.counts).toMatchObject({ signIns: 1, refreshes: 0, unauthorized: 0 });

  api.expire();
  await Promise.all([first.reload(), second.reload()]);
  await Promise.all([showsThings(first), showsThings(second)]);
  expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, reuses: 0 });

  await first.getByRole("button", { name: "Sign out" }).click();
  for (const page of [first, second]) await page.locator("form").waitFor();
  await expect.poll(() => api.counts.revocations).toBe(1);

  await signIn(second);
  for (const page of [first, second]) await showsThings(page);
  api.revoke();
  await first.reload();
  await first.locator("form").waitFor();
  expect(await first.locator("li").count()).toBe(0);
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
};

/** Serves a folder, and the installed packages under `/node_modules`; any other path is the application's. */
export const serveExample = (folder: string): Promise<Served> =>
  serve(async (request) => {
    const { pathname } = new URL(request.url);
    const isPackage = pathname.startsWith("/node_modules/");
    const wanted = path.join(isPackage ? examples : folder, pathname);
    const isFile = path.extname(wanted) !== "" && existsSync(wanted);
    const file = isFile ? wanted : path.join(folder, "index.html");
    const type = types[path.extname(file)] ?? "application/octet-stream";
    return new Response(await readFile(file), {
      headers: { "content-type": `${type}; charset=utf-8` },
    });
  });
