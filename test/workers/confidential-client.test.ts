/**
 * A confidential client whose Durable Object redeems the code and keeps the session: the page holds nothing but the
 * application's cookie (docs/oauth.md, "A server").
 */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { type CloudflareVault, createVault } from "../../src/cloudflare.ts";
import { type CodeCredentials, oauth2 } from "../../src/providers/oauth2.ts";
import { API, challengeOf, CLIENT, ISSUER, oauthServer } from "../support/oauth-server.ts";
import { eventually, HOUR } from "./strict-vmcloud.ts";
import { clock, hooks, providers } from "./tested-worker.ts";

const SECRET = "the-worker-alone-knows-it";
const APP = "https://app.acme.test";
const VERIFIER = "verifier-".padEnd(43, "x");

/** The account that a cookie stands for: the cookie is a secret, and an account's name is none. */
async function accountOf(cookie: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(cookie));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function vaultOf(cookie: string): Promise<CloudflareVault<CodeCredentials>> {
  const account = await accountOf(cookie);
  const fetch = (...request: Parameters<typeof globalThis.fetch>): Promise<Response> =>
    (hooks.fetch ?? globalThis.fetch)(...request);
  return createVault({
    provider: "acme-confidential",
    account,
    env,
    ctx: createExecutionContext(),
    clock,
    fetch,
  });
}

/** The application's Worker, as the documentation has it. */
async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.headers.get("sec-fetch-site") !== "same-origin")
    return new Response(null, { status: 403 });
  if (pathname === "/session") {
    const cookie = crypto.randomUUID();
    const vault = await vaultOf(cookie);
    await vault.signIn(await request.json());
    const set = `__Host-session=${cookie}; Path=/; Secure; HttpOnly; SameSite=Strict`;
    return new Response(null, { status: 204, headers: { "set-cookie": set } });
  }
  const [, cookie] = /__Host-session=([\w-]+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  if (!cookie) return new Response(null, { status: 401 });
  const vault = await vaultOf(cookie);
  return vault.fetch(API + pathname);
}

const asked = (path: string, init: RequestInit = {}): Promise<Response> =>
  handle(
    new Request(APP + path, {
      ...init,
      headers: { "sec-fetch-site": "same-origin", ...(init.headers as Record<string, string>) },
    }),
  );

it("redeems the code in the object with the client's secret; the page gets a cookie and no token [S4 S7]", async () => {
  const server = await oauthServer();
  server.now = () => Date.now() + hooks.ahead;
  server.answer = ({ path, headers }) =>
    path === "/things" ? Response.json({ token: headers.get("authorization") }) : undefined;
  hooks.fetch = server.fetch;
  const provider = oauth2({
    name: "acme",
    origins: [API],
    issuer: ISSUER,
    clientId: CLIENT,
    clientSecret: SECRET,
    scope: "openid offline_access",
  });
  providers["acme-confidential"] = provider as never;

  const login = new URL(`${ISSUER}/authorize`);
  for (const [name, value] of Object.entries({
    redirect_uri: `${APP}/callback`,
    state: "state-1",
    nonce: "nonce-1",
    scope: "openid offline_access",
    code_challenge: await challengeOf(VERIFIER),
  }))
    login.searchParams.set(name, value);
  // What the page's `completeSignIn` hands over.
  const code: CodeCredentials = {
    callback: new URL(server.login(login)).search,
    state: "state-1",
    codeVerifier: VERIFIER,
    redirectUri: `${APP}/callback`,
    nonce: "nonce-1",
  };
  const reply = await asked("/session", { method: "POST", body: JSON.stringify(code) });
  expect([reply.status, await reply.text()]).toEqual([204, ""]);
  const set = reply.headers.get("set-cookie") ?? "";
  expect(set).toMatch(/; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  const cookie = set.split(";")[0] ?? "";
  const shown = atob((server.to("/token")[0]?.headers.get("authorization") ?? "").slice(6));
  expect(shown).toBe(`acme-web:${encodeURIComponent(SECRET)}`);

  const first = await asked("/things", { headers: { cookie } });
  expect(await first.json()).toEqual({ token: expect.stringMatching(/^Bearer access-/) });
  hooks.ahead += HOUR;
  await asked("/things", { headers: { cookie } });
  expect(server.to("/token").map(({ form }) => form.get("grant_type"))).toEqual([
    "authorization_code",
    "refresh_token",
  ]);
  // Nobody else's page, and nobody without the cookie.
  const strangers = { cookie, "sec-fetch-site": "cross-site" };
  expect((await asked("/things", { headers: strangers })).status).toBe(403);
  expect((await asked("/things")).status).toBe(401);

  const vault = await vaultOf(cookie.split("=")[1] ?? "");
  await vault.signOut();
  await eventually(() => server.to("/revoke").length === 1);
});
