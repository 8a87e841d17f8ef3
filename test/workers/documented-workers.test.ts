/** What docs/cloudflare.md shows, as it stands there, against test servers under the APIs' own names. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createVault } from "../../src/cloudflare.ts";
import { createApi, type TestApi } from "../apis/apis.ts";
import { call } from "./docs/call.ts";
import { importOnce } from "./docs/import-once.ts";
import { open } from "./docs/kv-alone.ts";
import { leave } from "./docs/leave.ts";
import { pretend } from "./docs/pretend.ts";
import worker from "./docs/set-up.ts";
import { credentials, otherNamespace } from "./strict-vmcloud.ts";

const platform = globalThis.fetch;
let api: TestApi;
let ctx: ReturnType<typeof createExecutionContext>;
const serve = (name: "vmcloud" | "simplismart"): void => {
  api = createApi(name, {});
  globalThis.fetch = async (input, init) => api.fetch(new Request(input, init));
};
beforeEach(() => {
  serve("vmcloud");
  ctx = createExecutionContext();
});
afterEach(async () => {
  await waitOnExecutionContext(ctx);
  globalThis.fetch = platform;
});

/** An isolate of its own, with an object of its own: these examples speak of one account. */
const { email, password } = credentials;
const bindings = () => ({
  ...env,
  TOKEN_VAULT: otherNamespace(env.DOCS_VAULT),
  VMCLOUD_EMAIL: email,
  VMCLOUD_PASSWORD: password,
});

it("the Worker of the set-up: signs in once, calls, heals a 401 with one refresh", async () => {
  const own = bindings();
  const visit = (host: string): Promise<Response> =>
    worker.fetch(new Request(`https://${host}/`), own, ctx);
  const account = "acme.example";
  await createVault({ provider: "vmcloud", account, env: own, ctx }).signIn(credentials);

  expect((await visit(account)).status).toBe(200);
  api.expireAccessTokens();
  expect((await visit(account)).status).toBe(200);
  await expect(visit("other.example")).rejects.toMatchObject({ code: "no_session" });
  expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
});

it("signing in from a Worker, by two requests at once; signing out", async () => {
  const own = bindings();
  const responses = await Promise.all([call("default", own, ctx), call("default", own, ctx)]);
  expect(responses.map(({ status }) => status)).toEqual([200, 200]);
  expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });

  await leave("default", own, ctx);
  const vault = createVault({ provider: "vmcloud", env: own, ctx });
  await expect(vault.getToken()).rejects.toMatchObject({ code: "no_session" });
});

it("signing in from a Worker, again where the session has ended: the refresh token was refused", async () => {
  const own = bindings();
  expect((await call("default", own, ctx)).status).toBe(200);
  api.revoke();
  api.expireAccessTokens();
  const responses = await Promise.all([call("default", own, ctx), call("default", own, ctx)]);
  expect(responses.map(({ status }) => status)).toEqual([200, 200]);
  expect(api.counters()).toMatchObject({ signIns: 2, tokenCalls: 1 });
  await leave("default", own, ctx);
});

it("importing tokens from secrets: once, and the refresh token works", async () => {
  const reply = await fetch("https://api.vmcloud.com/api/v1/auth/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const { token, refresh_token } = (await reply.json()) as Record<string, string>;
  const own = {
    ...bindings(),
    VMCLOUD_TOKEN: token!,
    VMCLOUD_REFRESH_TOKEN: refresh_token!,
  };
  await importOnce("default", own, ctx);
  api.expireAccessTokens();
  const vault = createVault({ provider: "vmcloud", env: own, ctx });
  const vms = "https://api.vmcloud.com/v1/vms";
  expect((await vault.fetch(vms)).status).toBe(200);
  // Again, as the next request does: the spent token does not replace the session.
  await importOnce("default", own, ctx);
  expect((await vault.fetch(vms)).status).toBe(200);
  expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
});

it("KV alone: a static token for every isolate, sealed", async () => {
  serve("simplismart");
  const { token } = (await api.credentials()) as { token: string };
  const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "HKDF", false, [
    "deriveKey",
  ]);
  await open({ TOKENS: env.TOKEN_CACHE }, key).signIn({ token });
  const url = "https://api.app.simplismart.ai/deployments/list/model/";
  expect((await open({ TOKENS: env.TOKEN_CACHE }, key).fetch(url)).status).toBe(200);
  const { keys } = await env.TOKEN_CACHE.list({ prefix: "tokenkeep:simplismart" });
  expect(keys).toHaveLength(1);
  const stored = await env.TOKEN_CACHE.getWithMetadata(keys[0]!.name, { type: "text" });
  expect(stored.value).toMatch(/./);
  expect(JSON.stringify(stored)).not.toContain(token);
});

it("a test of an application's Worker: signed in without a server, and what it sends is seen", async () => {
  const own = { ...env, TOKEN_VAULT: otherNamespace(env.DOCS_VAULT) };
  const host = "tenant.example";
  const { sent, end } = await pretend({ env: own, account: host }, () => Response.json(["a vm"]));
  const response = await worker.fetch(new Request(`https://${host}/`), own, ctx);
  expect(await response.json()).toEqual(["a vm"]);
  expect(sent.map(({ url, headers }) => [url, headers.get("authorization")])).toEqual([
    ["https://api.vmcloud.com/v1/vms", "Bearer token-of-the-test"],
  ]);
  end();
});
