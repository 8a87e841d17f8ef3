/** The stage of the tests of cookies: real cookies of a real browser, a page on one origin, an API on another. */
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, onTestFailed, onTestFinished } from "vitest";
import { type CookieApi, type CookieApiSwitches, createCookieApi } from "../apis/cookies.ts";
import { withCredentials } from "../apis/cookie-servers.ts";
import { serve, type Served } from "../apis/sockets.ts";
import { freePort } from "../support/free-port.ts";
import { bundle, launch } from "./browsers.ts";
import { answerLifeline } from "./lifeline.ts";
import type { CookieConfig } from "./cookie-page.ts";

export const HOUR = 3_600_000;

export interface CookieStage {
  readonly api: CookieApi;
  readonly context: BrowserContext;
  /** Opens a page. */
  open(config?: Partial<CookieConfig>): Promise<Page>;
  /** Opens pages that have looked for a cookie and found none; those looks are not counted. */
  openSignedOut(count: number): Promise<Page[]>;
  /** Signs in on a page of the API's own, as a server that renders its pages does. */
  signInOutside(user: string): Promise<void>;
  /** Moves the clocks of the server and of all pages on. */
  jump(ms: number): Promise<void>;
  /** Nothing listens on the API's port any more; `startApi` listens there again. */
  stopApi(): Promise<void>;
  startApi(): Promise<void>;
}

let browser: Browser;
let site: Served;

/** Call it once at the top of a test file. */
export function useBrowser(which: "chromium" | "firefox"): void {
  beforeAll(async () => {
    const scripts: Record<string, string> = {};
    for (const name of ["cookie-page", "cookie-worker"])
      scripts[`/${name}.js`] = await bundle(`${name}.ts`);
    site = await serve(async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/lifeline") return answerLifeline(request);
      const script = scripts[pathname];
      const page = '<!doctype html><script type="module" src="/cookie-page.js"></script>';
      return new Response(script ?? page, {
        headers: { "content-type": script ? "text/javascript" : "text/html" },
      });
    });
    browser = await launch(which);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
}

export interface CookieStageOptions extends Partial<CookieApiSwitches> {
  /** The page's host, on the same site as the API by default. */
  readonly pageHost?: "localhost" | "127.0.0.1";
}

const withHost = (url: string, host: string): string => url.replace("127.0.0.1", host);

export async function setUp(options: CookieStageOptions = {}): Promise<CookieStage> {
  const { pageHost = "localhost", ...switches } = options;
  let offset = 0;
  const api = createCookieApi({ attributes: "Path=/; SameSite=Lax", ...switches }, () => {
    return Date.now() + offset;
  });
  const handler = withCredentials(api.fetch);
  const port = await freePort();
  let served = await serve(handler, { port });
  const url = withHost(served.url, "localhost");
  const context = await browser.newContext();
  const faults: string[] = [];
  onTestFailed(() => console.error("The server's calls:", api.calls));
  onTestFinished(async () => {
    await context.close();
    await served.close();
    expect(faults).toEqual([]);
  });
  const stage: CookieStage = {
    api,
    context,
    async openSignedOut(count) {
      const pages: Page[] = [];
      for (let n = 0; n < count; n++) pages.push(await stage.open());
      await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));
      api.calls.length = 0;
      return pages;
    },
    async open(config = {}) {
      const page = await context.newPage();
      page.on("pageerror", (error) => {
        // Firefox tells of requests without a reply, and of cookies that it keeps out, in this way, too.
        if (!/^(Cross-Origin Request Blocked|Failed to load ‘|Cookie “)/.test(String(error)))
          faults.push(String(error));
      });
      const query = encodeURIComponent(JSON.stringify({ api: url, ahead: offset, ...config }));
      await page.goto(`${withHost(site.url, pageHost)}/?config=${query}`);
      await page.waitForFunction(() => "cookies" in window);
      return page;
    },
    async signInOutside(user) {
      const page = await context.newPage();
      await page.goto(`${url}/auth/page?user=${user}`);
      await page.close();
    },
    async jump(ms) {
      offset += ms;
      await Promise.all(
        context.pages().map((page) => page.evaluate((by) => window.cookies.jump(by), ms)),
      );
    },
    stopApi: () => served.close(),
    async startApi() {
      served = await serve(handler, { port });
    },
  };
  return stage;
}

/** The calls that may set the cookie, in order. */
export const kindsOf = ({ api }: CookieStage): string[] =>
  api.calls.map(({ kind }) => kind).filter((kind) => kind !== "api");

export const userOf = (page: Page): Promise<string> => page.evaluate(() => window.cookies.user());

export const signInTo = (page: Page, email?: string): Promise<string> =>
  page.evaluate((given) => window.cookies.signIn(given), email);

export const signOutOf = (page: Page): Promise<void> =>
  page.evaluate(() => window.cookies.vault.signOut());

/** Waits until the page's vault says so. */
export async function hasStatus(page: Page, status: string): Promise<void> {
  await page.waitForFunction((wanted) => window.cookies.vault.snapshot().status === wanted, status);
}

/** The refresh cookie that the browser has, and whether script may read it. */
export async function cookieIn({ context }: CookieStage): Promise<string | undefined> {
  const cookies = await context.cookies();
  return cookies.find(({ name, httpOnly }) => name === "refresh" && httpOnly)?.value;
}

/** Holds the replies of a kind until it is let go; `arrived` settles when the first one is held. */
export function holdReplies(
  { api }: CookieStage,
  which: string,
): { readonly arrived: Promise<void>; release(): void } {
  let release = (): void => {};
  let arrive = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  api.after = async (kind, reply) => {
    if (kind !== which) return reply;
    arrive();
    await held;
    return reply;
  };
  return { arrived, release: () => release() };
}
