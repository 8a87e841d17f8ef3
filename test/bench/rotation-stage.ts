/**
 * The stage of `rotation.ts` and `lives.ts`: pages by three libraries in a real Chromium, against `oidc-provider`,
 * which rotates refresh tokens and ends a grant whose spent token comes again.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "esbuild";
import Provider from "oidc-provider";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright";
import { findBrowsers } from "../../scripts/browsers.js";
import { root } from "../../scripts/run.js";
import { cors } from "../apis/cors.ts";
import { serve } from "../apis/sockets.ts";
import { folder } from "./peers.ts";
import { harness, type PageSource } from "./rotation-pages.ts";

async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root, loader: "js" },
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    nodePaths: [path.join(folder, "node_modules")],
    plugins: [
      {
        name: "harness",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^harness$/ }, () => ({ path: "harness", namespace: "harness" }));
          onLoad({ filter: /.*/, namespace: "harness" }, () => ({ contents: harness }));
          onResolve({ filter: /^tokenkeep\// }, ({ path: name }) => ({
            path: path.join(root, "src", `${name.slice("tokenkeep/".length)}.ts`),
          }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? "";
}

export interface Told {
  refreshes: number;
  /** Spent refresh tokens that came again. */
  reuses: number;
}

/** A server that holds one refresh back when it is told to. */
export interface OAuthServer {
  readonly issuer: string;
  readonly api: string;
  readonly told: Told;
  /** The next refresh is held until `release`. */
  hold(): { readonly arrived: Promise<void>; release(): void };
  /** The server is gone for so many milliseconds. */
  restart(ms: number): Promise<void>;
  close(): Promise<void>;
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

interface ServerOptions {
  /** The origin of the pages. */
  readonly site: string;
  readonly hasSlash: boolean;
  /** How many seconds an access token lives. */
  readonly life: number;
}

async function openServer({ site, hasSlash, life }: ServerOptions): Promise<OAuthServer> {
  const told: Told = { refreshes: 0, reuses: 0 };
  let handle: ReturnType<Provider["callback"]>;
  let gate: Promise<void> | undefined;
  let arrived = (): void => {};
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const isHeld = gate && request.method === "POST" && request.url === "/oauth/token";
    if (!isHeld) return handle(request, response);
    const held = gate;
    gate = undefined;
    arrived();
    return void held?.then(() => handle(request, response));
  });
  const listen = (at: number): Promise<void> =>
    new Promise((resolve) => void server.listen(at, "127.0.0.1", () => resolve()));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const issuer = hasSlash ? `${origin}/` : origin;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "bench",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${site}/callback`],
      },
    ],
    // Auth0's paths, which its library has built in.
    routes: { authorization: "/authorize", token: "/oauth/token" },
    rotateRefreshToken: true,
    // A login's own userinfo scopes and claims are of no interest here.
    ttl: { AccessToken: life, RefreshToken: 86_400, IdToken: 3_600, Session: 3_600, Grant: 86_400 },
    cookies: { keys: ["only for benchmarks"] },
  });
  provider.on("grant.success", (context: { oidc: { params: { grant_type: string } } }) => {
    if (context.oidc.params.grant_type === "refresh_token") told.refreshes += 1;
  });
  provider.on("grant.revoked", (context: { oidc: { route: string } }) => {
    if (context.oidc.route === "token") told.reuses += 1;
  });
  handle = provider.callback();
  const api = await serve(
    cors(async (request) => {
      const [, token = ""] = (request.headers.get("authorization") ?? "").split(" ");
      const found = await provider.AccessToken.find(token);
      return Response.json({}, { status: found?.isValid ? 200 : 401 });
    }),
  );
  return {
    issuer,
    api: api.url,
    told,
    hold() {
      let release = (): void => {};
      gate = new Promise<void>((resolve) => (release = resolve));
      const comes = new Promise<void>((resolve) => (arrived = resolve));
      return { arrived: comes, release: () => release() };
    },
    async restart(ms) {
      await close(server);
      await pause(ms);
      await listen(port);
    },
    close: async () => void (await Promise.all([close(server), api.close()])),
  };
}

async function logIn(page: Page): Promise<void> {
  await page.evaluate("lane.begin()").catch(() => {});
  await page.locator("input[name=login]").fill("ada");
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.locator("input[name=prompt][value=consent]").waitFor({ state: "attached" });
  await page.locator("button[type=submit]").click();
  await page.waitForFunction("globalThis.lane !== undefined");
}

/** The tab that has sent the last call to the token endpoint; none where a worker sends them. */
function watch(context: BrowserContext): () => Page | undefined {
  let last: Page | undefined;
  context.on("request", (request) => {
    if (!request.url().endsWith("/oauth/token")) return;
    try {
      last = request.frame().page();
    } catch {
      // A worker's request has no frame.
    }
  });
  return () => last;
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** How often the calls of a page ended in each way: a status, or an error's name. */
export type Tally = Record<string, number>;

export const sum = (tallies: readonly Tally[]): Tally => {
  const all: Tally = {};
  for (const tally of tallies)
    for (const [end, times] of Object.entries(tally)) all[end] = (all[end] ?? 0) + times;
  return all;
};

/** The failures of a tally, in words. */
export const failuresIn = ({ 200: _, ...bad }: Tally): string =>
  Object.entries(bad)
    .map(([end, times]) => `${times} ${end}`)
    .join(", ");

export interface Stage {
  readonly browser: Browser;
  readonly server: OAuthServer;
  /** The tab that has sent the last call to the token endpoint; none where a worker sends them. */
  refresher(): Page | undefined;
  open(): Promise<Page>;
  /** Opens a tab, and logs in by the server's page. */
  openSignedIn(): Promise<Page>;
  close(): Promise<void>;
}

export async function openStage(source: PageSource, life: number): Promise<Stage> {
  const [script, worker] = await Promise.all([bundle(source.page), bundle(source.worker ?? "")]);
  const site = await serve(async (request) => {
    const { pathname } = new URL(request.url);
    const text =
      pathname === "/page.js"
        ? script
        : pathname === "/worker.js"
          ? worker
          : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
    const type = pathname.endsWith(".js") ? "javascript" : "html";
    return new Response(text, { headers: { "content-type": `text/${type}; charset=utf-8` } });
  });
  const server = await openServer({ site: site.url, hasSlash: source.hasSlash ?? false, life });
  const debian = findBrowsers();
  const browser = await chromium.launch({
    headless: true,
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    ...(debian && { executablePath: debian.chromium }),
  });
  const context = await browser.newContext();
  const config = JSON.stringify({ issuer: server.issuer, api: server.api, life });
  const stage: Stage = {
    browser,
    server,
    refresher: watch(context),
    async open() {
      const page = await context.newPage();
      await page.goto(`${site.url}/?config=${encodeURIComponent(config)}`);
      await page.waitForFunction("globalThis.lane !== undefined");
      return page;
    },
    async openSignedIn() {
      const page = await stage.open();
      await logIn(page);
      return page;
    },
    async close() {
      await browser.close();
      await Promise.all([server.close(), site.close()]);
    },
  };
  return stage;
}
