/**
 * Tabs that refresh: `node test/bench/rotation.ts` has some tabs of a real Chromium work by each of three
 * libraries, against `oidc-provider`, which rotates refresh tokens and ends a grant whose spent token comes
 * again. In mid-run a tab is closed that has just asked for a refresh. It counts, and asserts nothing.
 *
 * A token lives 75 seconds, because the others refresh a minute before a token's end.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "esbuild";
import Provider from "oidc-provider";
import { type BrowserContext, chromium, type Page } from "playwright";
import { findBrowsers } from "../../scripts/browsers.js";
import { root } from "../../scripts/run.js";
import { cors } from "../apis/cors.ts";
import { serve } from "../apis/sockets.ts";
import { folder, installed } from "./peers.ts";
import { harness, pages, type PageSource } from "./rotation-pages.ts";

const [TABS = 5, SECONDS = 120] = process.argv.slice(2).map(Number);
const LIFE = 75;

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

interface Told {
  refreshes: number;
  /** Spent refresh tokens that came again. */
  reuses: number;
}

/** A server that holds one refresh back when it is told to. */
interface Stage {
  readonly issuer: string;
  readonly api: string;
  readonly told: Told;
  /** The next refresh is held until `release`. */
  hold(): { readonly arrived: Promise<void>; release(): void };
  close(): Promise<void>;
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

async function openServer(site: string, hasSlash: boolean): Promise<Stage> {
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
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
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
    ttl: { AccessToken: LIFE, RefreshToken: 86_400, IdToken: 3_600, Session: 3_600, Grant: 86_400 },
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

const sum = (tallies: readonly Record<string, number>[]): Record<string, number> => {
  const all: Record<string, number> = {};
  for (const tally of tallies)
    for (const [end, times] of Object.entries(tally)) all[end] = (all[end] ?? 0) + times;
  return all;
};

async function run(source: PageSource): Promise<object> {
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
  const stage = await openServer(site.url, source.hasSlash ?? false);
  const debian = findBrowsers();
  const browser = await chromium.launch({
    headless: true,
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    ...(debian && { executablePath: debian.chromium }),
  });
  const context = await browser.newContext();
  const refresher = watch(context);
  const config = JSON.stringify({ issuer: stage.issuer, api: stage.api });
  const open = async (): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${site.url}/?config=${encodeURIComponent(config)}`);
    await page.waitForFunction("globalThis.lane !== undefined");
    return page;
  };
  const first = await open();
  await logIn(first);
  const tabs = [first];
  while (tabs.length < TABS) tabs.push(await open());
  for (const tab of tabs) void tab.evaluate("void lane.work()");

  // A third of the time goes by; then the tab that asks next is gone before its reply comes.
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await pause((SECONDS * 1_000) / 3);
  const before = stage.told.reuses;
  const held = stage.hold();
  await Promise.race([held.arrived, pause(SECONDS * 1_000)]);
  await pause(500);
  const gone = refresher() ?? tabs.at(-1);
  const goneTally = (await gone?.evaluate("lane.tally")) as Record<string, number>;
  await gone?.close();
  held.release();
  await pause((SECONDS * 2_000) / 3);

  const staying = tabs.filter((tab) => tab !== gone);
  const tallies = [goneTally];
  let signedIn = 0;
  for (const tab of staying) {
    tallies.push((await tab.evaluate("lane.isDone = true, lane.tally")) as Record<string, number>);
    if (await tab.evaluate("lane.isIn()")) signedIn += 1;
  }
  const { 200: good = 0, ...bad } = sum(tallies);
  const late = await (await open()).evaluate("lane.isIn()");
  await browser.close();
  await Promise.all([stage.close(), site.close()]);
  return {
    library: source.title,
    answered: good,
    failed: Object.entries(bad)
      .map(([end, times]) => `${times} ${end}`)
      .join(", "),
    refreshes: stage.told.refreshes,
    "reuses before": before,
    reuses: stage.told.reuses,
    "signed in at the end": `${signedIn} of ${staying.length}`,
    "a new tab is": late ? "signed in" : "signed out",
  };
}

if (!installed()) process.exit(1);
const rows = [];
for (const source of pages) {
  rows.push(await run(source));
  console.table(rows.slice(-1));
}
console.log(`${TABS} tabs, ${SECONDS} s, tokens of ${LIFE} s`);
console.table(rows);
process.exit();
