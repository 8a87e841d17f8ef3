/**
 * The stage of the login's tests: `oidc-provider`, which is certified and not ours, on a socket of its own
 * with its own login page, an API that asks it about tokens, and the application's pages.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createNetServer, type Server as NetServer } from "node:net";
import Provider from "oidc-provider";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, onTestFailed, onTestFinished } from "vitest";
import { cors } from "../apis/cors.ts";
import { serve, type Served } from "../apis/sockets.ts";
import { freePort } from "../support/free-port.ts";
import { bundle, launch } from "./browsers.ts";
import { answerLifeline } from "./lifeline.ts";
import type { OAuthConfig, RunBy } from "./oauth-config.ts";

let browser: Browser;
let site: Served;

export interface SiteOptions {
  readonly which?: "chromium" | "firefox";
  /** Pages cut themselves off from popups (COOP). */
  readonly isIsolated?: boolean;
  /** The script of the pages. */
  readonly page?: string;
  /** The application's own server, in front of the pages. */
  readonly handle?: (request: Request) => Promise<Response | undefined>;
}

/** Call it once at the top of a test file. */
export function useSite({
  which = "chromium",
  isIsolated = false,
  page: name = "oauth-page.ts",
  handle,
}: SiteOptions = {}): void {
  beforeAll(async () => {
    const [page, worker] = await Promise.all([bundle(name), bundle("oauth-worker.ts")]);
    site = await serve(async (request) => {
      const own = await handle?.(request);
      if (own) return own;
      const { pathname } = new URL(request.url);
      if (pathname === "/lifeline") return answerLifeline(request);
      const isScript = pathname.endsWith(".js");
      const text = isScript
        ? pathname === "/oauth-page.js"
          ? page
          : worker
        : `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/oauth-page.js"></script>`;
      return new Response(text, {
        headers: {
          "content-type": `text/${isScript ? "javascript" : "html"}; charset=utf-8`,
          "cache-control": "no-store",
          ...(isIsolated && { "cross-origin-opener-policy": "same-origin" }),
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

/** What the server has told of itself. */
export interface Told {
  /** Errors of its token endpoint, `invalid_grant` for one. */
  readonly errors: string[];
  /** How often it saw a spent refresh token, and ended the whole grant. */
  reuses: number;
  refreshes: number;
  logins: number;
  /** What was asked for, in order: method and path, once it was answered. */
  readonly answered: string[];
}

export interface LoginStage {
  readonly context: BrowserContext;
  readonly issuer: string;
  readonly site: string;
  readonly api: string;
  readonly told: Told;
  /** Waits until the server may answer token requests; open by default. */
  gate: Promise<unknown>;
  arrived: () => void;
  open(at?: string): Promise<Page>;
  /** Opens a tab, and logs in by the server's page. */
  openSignedIn(login?: string): Promise<Page>;
  /** The server goes, and comes again when somebody has asked for it. */
  restart(): Promise<void>;
}

async function listen(server: NetServer, port: number): Promise<void> {
  server.listen(port, "127.0.0.1");
  // Rejects where somebody else has the port.
  await once(server, "listening");
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

export interface LoginOptions {
  readonly runBy?: RunBy;
  /** How many seconds an access token lives. */
  readonly life?: number;
  /** The server takes logins by pushed requests alone. */
  readonly isPushed?: boolean;
  /** Makes the client a confidential one. */
  readonly secret?: string;
  /** Where the application's server pushes the page's logins. */
  readonly pushedBy?: string;
}

/** RFC 9470 §3. */
const STALE = 'Bearer error="insufficient_user_authentication", max_age="0"';

export async function setUpLogin({
  runBy = "page",
  life = 600,
  secret,
  isPushed = false,
  pushedBy,
}: LoginOptions = {}): Promise<LoginStage> {
  const told: Told = { errors: [], reuses: 0, refreshes: 0, logins: 0, answered: [] };
  let handle: ReturnType<Provider["callback"]>;
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    response.on("finish", () => void told.answered.push(`${request.method} ${request.url}`));
    if (request.url !== "/token" || request.method !== "POST") return handle(request, response);
    stage.arrived();
    void stage.gate.then(() => handle(request, response));
  });
  const port = await freePort();
  await listen(server, port);
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "tabs",
        token_endpoint_auth_method: secret === undefined ? "none" : "client_secret_basic",
        ...(secret !== undefined && { client_secret: secret }),
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${site.url}/callback`],
        post_logout_redirect_uris: [`${site.url}/`],
      },
    ],
    features: {
      revocation: { enabled: true },
      pushedAuthorizationRequests: {
        enabled: true,
        requirePushedAuthorizationRequests: isPushed,
      },
    },
    rotateRefreshToken: true,
    ttl: { AccessToken: life, RefreshToken: 86_400, IdToken: 300, Session: 3600, Grant: 86_400 },
    cookies: { keys: ["only for tests"] },
  });
  provider.on("grant.error", (_, error: { error?: string; error_detail?: string }) =>
    told.errors.push(`${error.error}: ${error.error_detail}`),
  );
  provider.on("grant.success", (context: { oidc: { params: { grant_type: string } } }) => {
    if (context.oidc.params.grant_type === "refresh_token") told.refreshes += 1;
    else told.logins += 1;
  });
  provider.on("grant.revoked", (context: { oidc: { route: string } }) => {
    if (context.oidc.route === "token") told.reuses += 1;
  });
  handle = provider.callback();
  /** The token whose login is too old for `/fresh`: the first one that is shown there. */
  let stale: string | undefined;
  const handleApi = async (request: Request): Promise<Response> => {
    const [, token = ""] = (request.headers.get("authorization") ?? "").split(" ");
    const found = await provider.AccessToken.find(token);
    if (!found?.isValid) return Response.json({ error: "invalid_token" }, { status: 401 });
    if (new URL(request.url).pathname === "/fresh" && token === (stale ??= token))
      return new Response(null, { status: 401, headers: { "www-authenticate": STALE } });
    return Response.json({ sub: found.accountId });
  };
  const api = await serve(cors(handleApi, { expose: ["www-authenticate"] }));
  const context = await browser.newContext();
  const faults: string[] = [];
  onTestFailed(() => console.error("The server's counters and log:", told));
  onTestFinished(async () => {
    await context.close();
    await Promise.all([close(server), api.close()]);
    expect(faults).toEqual([]);
  });
  const config: OAuthConfig = { issuer, api: api.url, runBy, pushedBy };

  const stage: LoginStage = {
    context,
    issuer,
    site: site.url,
    api: api.url,
    told,
    gate: Promise.resolve(),
    arrived: () => {},
    async open(at = "/vms?page=2#third") {
      const page = await context.newPage();
      page.on("pageerror", (error) => faults.push(String(error)));
      const address = new URL(at, site.url);
      address.searchParams.set("config", JSON.stringify(config));
      await page.goto(address.href);
      await page.waitForFunction(() => "signIn" in window);
      return page;
    },
    async openSignedIn(login) {
      const page = await stage.open();
      await page.evaluate(() => window.signIn.begin());
      await logIn(page, login);
      expect(await outcomeOf(page)).toBe("signed-in");
      return page;
    },
    async restart() {
      await close(server);
      let asked = (): void => {};
      const isAsked = new Promise<void>((resolve) => (asked = resolve));
      const nobody = createNetServer((socket) => {
        socket.destroy();
        asked();
      });
      await listen(nobody, port);
      await isAsked;
      await new Promise<void>((resolve) => void nobody.close(() => resolve()));
      await listen(server, port);
    },
  };
  return stage;
}

/** Through the server's own pages: who is it, and is it all right? */
export async function logIn(page: Page, login = "ada"): Promise<void> {
  await answerLogin(page, login);
  await page.waitForURL(`${site.url}/**`);
}

/** Through the server's own pages, whatever comes after them. */
export async function answerLogin(page: Page, login = "ada"): Promise<void> {
  const name = page.locator("input[name=login]");
  const consent = page.locator("input[name=prompt][value=consent]");
  await name.or(consent).first().waitFor({ state: "attached" });
  if (await name.count()) {
    await name.fill(login);
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await consent.waitFor({ state: "attached" });
  }
  await page.locator("button[type=submit]").click({ noWaitAfter: true });
}

/** The same in a popup, which closes itself in the end: the last click may find that it is gone. */
export async function answerPopup(popup: Page): Promise<void> {
  await answerLogin(popup).catch((error: unknown) => {
    if (!popup.isClosed()) throw error;
  });
}

/** What the load of this page was. */
export async function outcomeOf(page: Page): Promise<string> {
  await page.waitForFunction(() => "signIn" in window);
  return page.evaluate(() => window.signIn.outcome);
}

export const statusOf = (page: Page): Promise<string> =>
  page.evaluate(() => window.signIn.vault.snapshot().status);
