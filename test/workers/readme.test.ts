/** The README's Worker, as it stands there, against VMCloud's test server under VMCloud's own name. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import { createVault } from "../../src/cloudflare.ts";
import { createVmcloudApi } from "../apis/vmcloud.ts";
import worker from "./readme.ts";
import { credentials, otherNamespace } from "./stage.ts";

const platform = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = platform;
});

it("runs: signs in once, calls, heals a 401 with one refresh", async () => {
  const api = createVmcloudApi();
  globalThis.fetch = async (input, init) => api.fetch(new Request(input, init));
  const bindings = { ...env, TOKEN_VAULT: otherNamespace(env.README_VAULT) };
  const ctx = createExecutionContext();
  const visit = (host: string): Promise<Response> =>
    worker.fetch(new Request(`https://${host}/`), bindings, ctx);
  const account = "acme.example";
  await createVault({ provider: "vmcloud", account, env: bindings, ctx }).signIn(credentials);

  expect((await visit(account)).status).toBe(200);
  api.expireAccessTokens();
  expect((await visit(account)).status).toBe(200);
  await expect(visit("other.example")).rejects.toMatchObject({ code: "no_session" });
  await waitOnExecutionContext(ctx);
  expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
});
