/** The demo on the server that `npm run demo` starts, once for a test file, and what a visitor does there. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Server, ServerResponse } from "node:http";
import os from "node:os";
import path from "node:path";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright";
import { createServer, type Plugin, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import type { LogEntry, LogReply } from "../../demo/backstage/api-log.ts";
import { buildPages } from "../../demo/site/build.js";
import { launch } from "./browsers.ts";

let server: ViteDevServer;
let browser: Browser;

const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css" };

/**
 * The same pages, built: a visitor's five tabs need not load a hundred modules each. All else is the
 * development server's: the APIs, the Worker, and what the page is told of them.
 */
function built(folder: string): Plugin {
  async function send(url: string, vite: ViteDevServer, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(url, "http://localhost");
    const content = await readFile(path.join(folder, pathname === "/" ? "index.html" : pathname));
    const type = types[path.extname(pathname)];
    response.setHeader("content-type", type ?? "text/html");
    response.setHeader("cache-control", type ? "max-age=3600" : "no-cache");
    response.end(type ? content : await vite.transformIndexHtml(url, String(content)));
  }
  return {
    name: "pages are built",
    enforce: "pre",
    configureServer(vite) {
      vite.middlewares.use((request, response, pass) => {
        const { url = "/" } = request;
        if (!/^\/(\w+\.html|assets\/.*|vault\.worker\.js)?(\?|$)/.test(url)) return pass();
        send(url, vite, response).catch(pass);
      });
    },
  };
}

/**
 * Call it once at the top of a test file.
 *
 * @param pages built by default; `"modules"` is what `npm run demo` sends
 */
export function useDemo(pages: "built" | "modules" = "built"): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-demo-"));
  beforeAll(async () => {
    if (pages === "built") await buildPages(folder);
    server = await createServer({
      configFile: path.join(import.meta.dirname, "../../demo/vite.config.ts"),
      logLevel: "silent",
      server: { port: 0, hmr: false, watch: null },
      plugins: pages === "built" ? [built(folder)] : [],
    });
    // As in `test/apis/sockets.ts`: a busy machine may send on a connection that has idled.
    (server.httpServer as Server).keepAliveTimeout = 0;
    await server.listen();
    browser = await launch();
    // A minute is not enough where the machine does a dozen things besides.
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true });
  });
}

/** The page's address. */
export const address = (query = ""): string => server.resolvedUrls!.local[0]! + query;

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
}

/** A visitor who has nothing stored here, on the page of one API. */
export async function visit(query: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  const faults: string[] = [];
  onTestFinished(async () => {
    await context.close();
    // A rejection that nobody handles is a defect, whatever the test was about.
    expect(faults).toEqual([]);
  });
  context.on("page", (one) => one.on("pageerror", (error) => faults.push(String(error))));
  const page = await context.newPage();
  await go(page, query);
  return { context, page };
}

export async function go(page: Page, query: string): Promise<void> {
  await page.goto(address(query));
  await page.locator("body[data-ready]").waitFor();
}

/** Turns a switch that reloads the page. */
async function turn(page: Page, name: string, on: boolean): Promise<void> {
  const box = page.getByRole("checkbox", { name });
  if ((await box.isChecked()) === on) return;
  await Promise.all([page.waitForEvent("load"), box.click()]);
  await page.locator("body[data-ready]").waitFor();
  expect(await box.isChecked()).toBe(on);
}

/** VMCloud's rotation, which is strict at first, and again after the test. */
export async function strict(page: Page, on: boolean): Promise<void> {
  onTestFinished(async () => {
    await fetch(address("backstage/vmcloud/rotation?kind=strict"), { method: "POST" });
  });
  await turn(page, "Strict rotation", on);
}

/** Has each tab run the vault itself. */
export const workerOff = (page: Page): Promise<void> => turn(page, "Refresh in a worker", false);

export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Logs in at the OAuth server's page, and is back. */
export async function logIn(page: Page): Promise<void> {
  await button(page, "Log in at Acme").click();
  await page.getByRole("heading", { name: "Log in to Acme" }).waitFor();
  await button(page, "Log in").click();
  await page.locator("body[data-ready]").waitFor();
  await button(page, "Sign out").waitFor();
}

/** Signs in with what the form is filled with, or at the API's own login page. */
export async function signIn(page: Page): Promise<void> {
  const hasLogin = (await page.locator("#login-hint").getAttribute("hidden")) === null;
  if (hasLogin) return logIn(page);
  const box = page.locator("#fields input").last();
  await expect.poll(() => box.inputValue(), { message: "the form's last box" }).not.toBe("");
  await button(page, "Sign in").click();
  await button(page, "Sign out").waitFor();
}

/**
 * Presses a button and waits until what it stands for is over; tells what the page says of it: beside the
 * button, or below the picture.
 */
export async function press(page: Page, name: string): Promise<string> {
  await button(page, name).click();
  await page.locator(`button:text-is("${name}"):not([aria-disabled="true"])`).waitFor();
  await page.locator("#stage:not([data-live])").waitFor();
  const said = page.locator("fieldset", { has: button(page, name) }).locator(".said");
  const beside = (await said.count()) > 0 ? await said.textContent() : "";
  return beside || ((await page.locator("#summary").textContent()) ?? "");
}

/** One of the numbers above the picture, which the API counts. */
export async function figure(page: Page, id: "requests" | "healed" | "refreshes"): Promise<number> {
  return Number(await page.locator(`#${id}`).textContent());
}

/** What an API has seen since `since`; what comes now is numbered from `next` on. */
export async function logOf(api: string, since = 0): Promise<LogReply> {
  const reply = await fetch(address(`backstage/${api}/log?since=${since}`));
  return (await reply.json()) as LogReply;
}

export const count = (entries: readonly LogEntry[], is: (entry: LogEntry) => boolean): number =>
  entries.filter(is).length;
