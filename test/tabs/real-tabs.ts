/**
 * The stage of these tests: one real Chromium, a fresh browser context and a fresh API for each
 * test, and pages on an origin of their own, so that CORS is as real as the tabs are. The API runs
 * in this process: its counters give the verdict.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { cors, type CorsOptions } from "../apis/cors.ts";
import type { Gate } from "../apis/gates.ts";
import { wordsOf } from "../apis/log.ts";
import type { Handler } from "../apis/replies.ts";
import { serve, type Served } from "../apis/sockets.ts";
import { ada, createVmcloudApi, type VmcloudApi, type VmcloudOptions } from "../apis/vmcloud.ts";
import { freePort } from "../support/free-port.ts";
import { printIfFailed } from "../support/server-says.ts";
import { bundle, launch } from "./browsers.ts";
import { answerLifeline } from "./lifeline.ts";
import type { Config } from "./page-script.ts";

export const credentials = { email: ada.email, password: ada.password };
export const HOUR = 3_600_000;

export interface Stage {
  readonly api: VmcloudApi;
  /** The API's origin. */
  readonly url: string;
  readonly context: BrowserContext;
  /** Every access and refresh token that the API has given out. */
  readonly secrets: readonly string[];
  /** Opens a tab. `config` goes to its vault. */
  open(config?: Partial<Config>): Promise<Page>;
  /** Opens several tabs; the first signs in, and all have seen that when they are returned. */
  openSignedIn(count: number, config?: Partial<Config>): Promise<[Page, ...Page[]]>;
  /** Moves the server's clock and those of all tabs on. */
  jump(ms: number): Promise<void>;
  /** Nothing listens on the API's port any more; `startApi` listens there again. */
  stopApi(): Promise<void>;
  startApi(): Promise<void>;
}

let browser: Browser;
let site: Served;

/** Call it once at the top of a test file. `scripts` are bundled and served besides the page's. */
export function useBrowser(
  scripts: readonly string[] = [],
  which: "chromium" | "firefox" = "chromium",
): void {
  beforeAll(async () => {
    const files: Record<string, string> = { "/": readFile("page.html") };
    for (const name of ["page-script", ...scripts])
      files[`/${name}.js`] = await bundle(`${name}.ts`);
    site = await serve(async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/lifeline") return answerLifeline(request);
      const { policy } = JSON.parse(searchParams.get("config") ?? "{}") as Partial<Config>;
      const file = files[pathname];
      const type = pathname === "/" ? "text/html" : "text/javascript";
      return file === undefined
        ? new Response(null, { status: 404 })
        : new Response(file, {
            headers: {
              "content-type": `${type}; charset=utf-8`,
              // For sandboxed frames, which have no origin.
              "access-control-allow-origin": "*",
              ...(policy !== undefined && { "content-security-policy": policy }),
            },
          });
    });
    browser = await launch(which);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
}

const readFile = (name: string): string =>
  readFileSync(path.join(import.meta.dirname, name), "utf8");

export interface StageOptions extends VmcloudOptions {
  readonly cors?: CorsOptions;
  /** `false` where a reply is dropped: browsers repeat a POST on a connection that served before. */
  readonly keepAlive?: boolean;
  /** What stands before the API and may change its replies; nothing by default. */
  readonly front?: (handler: Handler) => Handler;
  /** Where the tabs are opened; a new context of the file's browser by default. */
  readonly context?: BrowserContext;
}

export async function setUp(options: StageOptions = {}): Promise<Stage> {
  const { cors: corsOptions, keepAlive = true, front, context: given, ...switches } = options;
  const api = createVmcloudApi(switches);
  const secrets: string[] = [];
  const recorded = recording(api.fetch, secrets);
  const handler = cors(front ? front(recorded) : recorded, corsOptions);
  const port = await freePort();
  let served = await serve(handler, { keepAlive, port });
  const { url } = served;
  const context = given ?? (await newContext());
  const faults: string[] = [];
  let offset = 0;

  onTestFinished(async () => {
    await served.close();
    // A rejection that nobody handles is a defect, whatever the test was about.
    expect(faults).toEqual([]);
  });

  printIfFailed(api);

  const stage: Stage = {
    api,
    url,
    context,
    secrets,
    async open(config = {}) {
      const page = await context.newPage();
      page.on("pageerror", (error) => {
        const fault = String(error);
        // Firefox tells of each request without a reply in this way, too.
        if (!/^(Cross-Origin Request Blocked|Failed to load ‘)/.test(fault)) faults.push(fault);
      });
      await page.goto(addressOf({ api: url, ahead: offset, ...config }));
      return page;
    },
    async openSignedIn(count, config) {
      const first = await stage.open(config);
      await first.evaluate((given) => window.vault.signIn(given), credentials);
      const others = [];
      for (let n = 1; n < count; n++) others.push(await stage.open(config));
      const pages: [Page, ...Page[]] = [first, ...others];
      await Promise.all(pages.map((page) => hasStatus(page, "signed-in")));
      return pages;
    },
    async jump(ms) {
      offset += ms;
      api.set({ clockOffset: offset });
      await Promise.all(
        context.pages().map((page) => page.evaluate((by) => window.kit.jump(by), ms)),
      );
    },
    stopApi: () => served.close(),
    async startApi() {
      served = await serve(handler, { keepAlive, port });
    },
  };
  return stage;
}

const addressOf = (config: Config): string =>
  `${site.url}/?config=${encodeURIComponent(JSON.stringify(config))}`;

/** Tabs that share storage with each other and with nobody else; closed when the test ends. */
export async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  return context;
}

/** The address of a page that has no vault of its own. */
export const bareAddress = (): string => site.url;

/** Waits until the tab's vault says so. */
export async function hasStatus(page: Page, status: string): Promise<void> {
  await page.waitForFunction((wanted) => window.vault.snapshot().status === wanted, status);
}

/** Waits until a sum over all tabs, or anything else that grows, has come to `value`. */
export async function reaches(read: () => unknown, value: unknown): Promise<void> {
  await expect.poll(read, { timeout: 90_000, interval: 20 }).toBe(value);
}

/**
 * Opens a gate behind which the first call of this kind is held, once nobody can take its reply any
 * more: browsers say that a tab or a worker is closed before it is. The server's log proves the order.
 */
export async function releaseToNobody(
  { api }: Stage,
  gate: Gate,
  kind: "token" | "refresh" = "refresh",
): Promise<void> {
  await gate.left;
  gate.release();
  const first = (): string[] => wordsOf(api.log(), kind).filter((one) => one.startsWith("1 "));
  await expect
    .poll(first, { interval: 20 })
    .toEqual(["1 arrived", "1 held", "1 left", "1 let go", "1 over"]);
}

/** Notes the tokens that go out. */
function recording(handler: Handler, secrets: string[]): Handler {
  return async (request) => {
    const reply = await handler(request);
    if (new URL(request.url).pathname.startsWith("/api/v1/auth/") && reply.ok) {
      const body = (await reply
        .clone()
        .json()
        .catch(() => ({}))) as { token?: unknown; refresh_token?: unknown };
      for (const secret of [body?.token, body?.refresh_token]) {
        if (typeof secret === "string") secrets.push(secret);
      }
    }
    return reply;
  };
}
