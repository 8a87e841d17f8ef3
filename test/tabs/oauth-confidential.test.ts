/**
 * A confidential client: the application's server redeems the code with its secret and keeps the session, and the
 * page holds nothing but the application's cookie. As in docs/oauth.md, in a real Chromium.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as oauth from "oauth4webapi";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Provider, Vault } from "tokenkeep";
import { createVault } from "tokenkeep/node";
import { type CodeCredentials, oauth2 } from "tokenkeep/providers/oauth2";
import { clientOf } from "./oauth-config.ts";
import {
  logIn,
  type LoginOptions,
  type LoginStage,
  outcomeOf,
  setUpLogin,
  useSite,
} from "./oauth-stage.ts";

const SECRET = "the-server-alone-knows-it-for-32-bytes";
const folder = mkdtempSync(path.join(tmpdir(), "tokenkeep-confidential-"));
const vaults: Vault<CodeCredentials>[] = [];
let provider: Provider<CodeCredentials>;
let api = "";
let pushing = { issuer: "", secret: "", callback: "" };

afterEach(async () => {
  await Promise.all(vaults.splice(0).map((vault) => vault[Symbol.asyncDispose]()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The session's vault. The cookie is a secret, and an account's name is none: so it is hashed. */
function vaultOf(cookie: string): Vault<CodeCredentials> {
  const account = createHash("sha256").update(cookie).digest("hex");
  const vault = createVault({
    provider,
    account,
    path: folder,
    dangerouslyAllowLoopbackHttp: true,
  });
  vaults.push(vault);
  return vault;
}

/** Pushes a page's login with the client's secret (RFC 9126), as docs/oauth.md has it. */
async function push(request: Request): Promise<Response> {
  const asked = new URLSearchParams(await request.text());
  // What the page itself never asks for is no login of this application's.
  if (asked.get("redirect_uri") !== pushing.callback) return new Response(null, { status: 400 });
  const over = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(pushing.issuer);
  const found = await oauth.discoveryRequest(issuer, over);
  const { status, body } = await oauth.pushedAuthorizationRequest(
    await oauth.processDiscoveryResponse(issuer, found),
    { client_id: "tabs" },
    oauth.ClientSecretBasic(pushing.secret),
    asked,
    over,
  );
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}

/** The application's server. */
async function handle(request: Request): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if (!["/login/push", "/session", "/things"].includes(pathname)) return undefined;
  // Another site's page sends the cookie of its visitor along, too (CSRF).
  if (request.headers.get("sec-fetch-site") !== "same-origin")
    return new Response(null, { status: 403 });
  if (pathname === "/login/push") return push(request);
  if (pathname === "/session") {
    // A new one for each login: nobody can have planted it (session fixation).
    const cookie = randomUUID();
    try {
      await vaultOf(cookie).signIn((await request.json()) as CodeCredentials);
    } catch {
      return new Response(null, { status: 401 });
    }
    const set = `session=${cookie}; Path=/; HttpOnly; SameSite=Strict`;
    return new Response(null, { status: 204, headers: { "set-cookie": set } });
  }
  const [, cookie] = /(?:^|; )session=([\w-]+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  return cookie ? vaultOf(cookie).fetch(api) : new Response(null, { status: 401 });
}

useSite({ page: "oauth-cookie-page.ts", handle });

async function serverStage(secret = SECRET, options: LoginOptions = {}): Promise<LoginStage> {
  const stage = await setUpLogin({ secret: SECRET, life: 4, ...options });
  const client = clientOf({ issuer: stage.issuer, api: stage.api, runBy: "page" });
  api = stage.api;
  pushing = { issuer: stage.issuer, secret, callback: `${stage.site}/callback` };
  provider = oauth2({ ...client, name: "acme", origins: [stage.api], clientSecret: secret });
  return stage;
}

/** The application's cookies: the OAuth server's are on the same host, and ports do not tell them apart. */
const cookiesOf = async ({ context, site }: LoginStage): Promise<object[]> =>
  (await context.cookies(site)).filter(({ name }) => name === "session");

it("signs in on the server; the page has a cookie that no script can read, and no token [S4 S7]", async () => {
  const stage = await serverStage();
  const page = await stage.openSignedIn();
  const get = (): Promise<[number, unknown]> =>
    page.evaluate(async () => {
      const reply = await fetch("/things");
      return [reply.status, await reply.json().catch(() => undefined)];
    });
  expect(await get()).toEqual([200, { sub: "ada" }]);
  // The token ends, and the server refreshes it.
  await expect
    .poll(async () => [await get(), stage.told.refreshes > 0], { timeout: 30_000, interval: 500 })
    .toEqual([[200, { sub: "ada" }], true]);
  expect(await page.evaluate(() => document.cookie)).toBe("");
  expect(await cookiesOf(stage)).toMatchObject([{ httpOnly: true, sameSite: "Strict" }]);
  const { origins } = await stage.context.storageState({ indexedDB: true });
  expect(JSON.stringify(origins)).not.toMatch(/access_?token|refresh_?token/i);
  expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
  await page.reload();
  expect([await outcomeOf(page), await get()]).toEqual(["none", [200, { sub: "ada" }]]);
});

it("signs nobody in without the secret, and gives no cookie [S4]", async () => {
  const stage = await serverStage("another-secret-of-thirty-two-bytes!");
  const page = await stage.open();
  await page.evaluate(() => window.signIn.begin());
  await logIn(page);
  expect(await outcomeOf(page)).toBe("refused");
  expect(await cookiesOf(stage)).toEqual([]);
  expect(stage.told.logins).toBe(0);
});

describe("a server that takes nothing but pushed requests of a client with a secret (RFC 9126)", () => {
  const PUSHED: LoginOptions = { isPushed: true, pushedBy: "/login/push" };

  it("gets the login from the application's server, and the browser carries a name alone", async () => {
    const stage = await serverStage(SECRET, PUSHED);
    const page = await stage.openSignedIn();
    const asked = stage.told.answered.filter((line) => /\/(auth\?|request)/.test(line));
    expect(asked[0]).toBe("POST /request");
    const names = [
      ...new URL(asked[1]?.slice("GET ".length) ?? "", stage.issuer).searchParams.keys(),
    ];
    expect(names.toSorted()).toEqual(["client_id", "request_uri"]);
    expect(await page.evaluate(async () => (await fetch("/things")).status)).toBe(200);
    expect(stage.told).toMatchObject({ logins: 1, errors: [] });
  });

  it("begins no login without the secret, and says why", async () => {
    const stage = await serverStage("another-secret-of-thirty-two-bytes!", PUSHED);
    const page = await stage.open();
    const why = await page.evaluate(() =>
      window.signIn.begin().then(
        () => "it began",
        ({ reason, status }: { reason: string; status: number }) => `${reason} ${status}`,
      ),
    );
    expect(why).toBe("pushed_request_refused 401");
    expect(new URL(page.url()).pathname).toBe("/vms");
  });
});
