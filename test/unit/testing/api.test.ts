/** `fakeApi`: it gives tokens as servers do, and fails exactly as it is told. */
import { http } from "msw";
import { setupServer } from "msw/node";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createVault } from "../../../src/index.ts";
import { apiKey } from "../../../src/providers/api-key.ts";
import { supabase } from "../../../src/providers/supabase.ts";
import { vmcloud } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import {
  createClock,
  fakeApi,
  type FakeApiOptions,
  type RouteLike,
  testVault,
} from "../../../src/testing.ts";
import { rejection } from "../../support/vault.ts";

const HOUR = 3_600_000;

/** A vault over a fake API, by one clock. */
async function stage(options: FakeApiOptions = {}) {
  const clock = createClock();
  const api = fakeApi({ clock, ...options });
  const { vault, events } = await testVault({ api, clock });
  onTestFinished(() => vault.close());
  const things = `${api.origin}/things`;
  const refresh = (refreshToken: string): Promise<Response> =>
    api.fetch(`${api.origin}/refresh`, {
      method: "POST",
      body: JSON.stringify({ refresh_token: refreshToken }),
    });
  return { api, clock, vault, events, things, refresh };
}

describe("tokens", () => {
  it("a request with a living token is answered, and any other gets a 401", async () => {
    const { api, vault, things } = await stage();
    expect((await vault.fetch(things)).status).toBe(200);
    expect((await api.fetch(things)).status).toBe(401);
    const headers = { authorization: "Bearer access-99" };
    expect((await api.fetch(things, { headers })).status).toBe(401);
    expect(api.counts).toEqual({
      signIns: 0,
      refreshes: 0,
      reuses: 0,
      revocations: 0,
      requests: 3,
      unauthorized: 2,
    });
  });

  it("a 401 is healed by one refresh [P11]", async () => {
    const { api, vault, things } = await stage();
    api.expire();
    const replies = await Promise.all([vault.fetch(things), vault.fetch(things)]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(api.counts).toMatchObject({ refreshes: 1, requests: 4, unauthorized: 2 });
  });

  it("a token lives as long as it is told to, by the clock", async () => {
    const { api, clock, vault, things } = await stage({ life: HOUR });
    await clock.advance(HOUR - 1);
    const headers = { authorization: "Bearer access-1" };
    expect((await api.fetch(things, { headers })).status).toBe(200);
    await clock.advance(1);
    expect((await api.fetch(things, { headers })).status).toBe(401);
    expect((await vault.fetch(things)).status).toBe(200);
    expect(api.counts.refreshes).toBe(1);
  });

  it("a spent refresh token ends its sign-in and no other [P2]", async () => {
    const { api, refresh, things } = await stage();
    const [one, other] = [api.grant(), api.grant()];
    const first = await refresh(one.refreshToken);
    const { access_token, refresh_token } = (await first.json()) as Record<string, string>;
    const again = await refresh(one.refreshToken);
    expect([again.status, await again.json()]).toEqual([400, { error: "invalid_grant" }]);
    expect((await refresh(refresh_token ?? "")).status).toBe(400);
    const shown = (token = ""): Promise<Response> =>
      api.fetch(things, { headers: { authorization: `Bearer ${token}` } });
    expect((await shown(access_token)).status).toBe(401);
    expect((await shown(other.accessToken)).status).toBe(200);
    expect((await refresh(other.refreshToken)).status).toBe(200);
    expect(api.counts).toMatchObject({ refreshes: 4, reuses: 1 });
  });

  it("within the reuse window a refresh token is taken again, and at its end no more", async () => {
    const { api, clock, refresh } = await stage({ reuseWindow: 10_000 });
    const { refreshToken } = api.grant();
    expect((await refresh(refreshToken)).status).toBe(200);
    await clock.advance(9_999);
    expect((await refresh(refreshToken)).status).toBe(200);
    expect(api.counts.reuses).toBe(0);
    await clock.advance(1);
    expect((await refresh(refreshToken)).status).toBe(400);
    expect(api.counts.reuses).toBe(1);
  });

  it("without rotation the refresh token stays", async () => {
    const { api, refresh } = await stage({ rotation: "none" });
    const { refreshToken } = api.grant();
    for (let tries = 0; tries < 3; tries++)
      expect(await (await refresh(refreshToken)).json()).toMatchObject({
        refresh_token: refreshToken,
      });
    expect(api.counts.reuses).toBe(0);
  });

  it("claims make a JWT that a snapshot shows", async () => {
    const { vault } = await stage({ claims: { sub: "ada", name: "Ada Lovelace — é" } });
    expect(vault.snapshot().claims).toMatchObject({ sub: "ada", name: "Ada Lovelace — é" });
  });

  it("a sign-out is heard, and ends the sign-in", async () => {
    const { api, clock, vault, things } = await stage();
    const token = await vault.getToken();
    await vault.signOut();
    await clock.advance(0);
    expect(api.counts.revocations).toBe(1);
    const reply = await api.fetch(things, { headers: { authorization: `Bearer ${token}` } });
    expect(reply.status).toBe(401);
  });
});

describe("an API's own ways", () => {
  const ways: FakeApiOptions = {
    origin: "https://api.vmcloud.com",
    signInUrl: "/api/v1/auth/token",
    refreshUrl: "/api/v1/auth/refresh",
    write: ({ accessToken, refreshToken, expiresAt }) => ({
      token: accessToken,
      refresh_token: refreshToken,
      expires_at: new Date(expiresAt).toISOString(),
    }),
    answer: ({ url }) => Response.json({ path: new URL(url).pathname }),
  };

  it("addresses and fields are told; a preset signs in, refreshes, and is answered", async () => {
    const api = fakeApi(ways);
    const credentials = { email: "ada@example.com", password: "secret" };
    const { vault } = await testVault({ api, provider: vmcloud(), credentials });
    onTestFinished(() => vault.close());
    api.expire();
    const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
    expect(await response.json()).toEqual({ path: "/v1/vms" });
    expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, unauthorized: 1 });
  });

  it("one endpoint may grant and renew, in a form, as OAuth's does", async () => {
    const api = fakeApi({ signInUrl: "/token", refreshUrl: "/token" });
    const ask = async (fields: Record<string, string>): Promise<Record<string, string>> => {
      const body = new URLSearchParams(fields);
      const reply = await api.fetch(`${api.origin}/token`, { method: "POST", body });
      return (await reply.json()) as Record<string, string>;
    };
    const first = await ask({ grant_type: "authorization_code", code: "x" });
    const { refresh_token = "" } = first;
    await ask({ grant_type: "refresh_token", refresh_token });
    expect(await ask({ grant_type: "refresh_token", refresh_token: "unknown" })).toEqual({
      error: "invalid_grant",
    });
    expect(api.counts).toMatchObject({ signIns: 1, refreshes: 2, reuses: 0 });
  });

  it.each([
    ["/.well-known/openid-configuration", ""],
    ["/realms/acme/.well-known/openid-configuration", "/realms/acme"],
    ["/.well-known/oauth-authorization-server", ""],
    ["/.well-known/oauth-authorization-server/oauth2/default", "/oauth2/default"],
  ])("OAuth metadata is at %s, for whichever issuer", async (path, behind) => {
    const api = fakeApi({ revokeUrl: "/revoke" });
    const reply = await api.fetch(`https://login.example.com${path}`);
    expect([reply.status, await reply.json()]).toEqual([
      200,
      {
        issuer: `https://login.example.com${behind}`,
        token_endpoint: `${api.origin}/refresh`,
        revocation_endpoint: `${api.origin}/revoke`,
      },
    ]);
    expect(api.counts.requests).toBe(0);
  });

  it("what is no look-up of metadata is a request like others", async () => {
    const api = fakeApi();
    const own = "https://api.example.com/.well-known/openid-configuration";
    const headers = { authorization: `Bearer ${api.grant().accessToken}` };
    expect(await (await api.fetch(own, { headers })).json()).toEqual({ ok: true });
    expect((await api.fetch(own, { method: "POST" })).status).toBe(401);
    expect((await api.fetch(`${own}s`)).status).toBe(401);
    expect(api.counts).toMatchObject({ requests: 3, unauthorized: 2 });
  });

  it("an address may have a query, as Supabase's do: a sign-in, a refresh and a sign-out are known by it", async () => {
    const auth = "/auth/v1/token?grant_type=";
    const api = fakeApi({
      origin: "https://project.supabase.co",
      signInUrl: `${auth}password`,
      refreshUrl: `${auth}refresh_token`,
      revokeUrl: "/auth/v1/logout?scope=local",
    });
    const provider = supabase({ projectURL: api.origin, publishableKey: "sb_publishable_1" });
    const credentials = { email: "ada@example.com", password: "secret" };
    const { vault } = await testVault({ api, provider, credentials });
    onTestFinished(() => vault.close());
    api.expire();
    expect((await vault.fetch(`${api.origin}/rest/v1/things`)).status).toBe(200);
    await vault.signOut({ untilRevoked: true });
    expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, revocations: 1, reuses: 0 });
  });

  it("a token is found in whichever header shows it", async () => {
    const api = fakeApi();
    const provider = apiKey({ name: "keyed", origins: [api.origin], header: "X-API-Key" });
    const credentials = { key: api.grant().accessToken };
    const { vault } = await testVault({ api, provider, credentials });
    onTestFinished(() => vault.close());
    expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
  });

  it("a page of another origin may read its replies, and its preflight is answered", async () => {
    const api = fakeApi();
    const headers = {
      origin: "https://app.example.com",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "authorization, x-mine",
    };
    const preflight = await api.fetch(`${api.origin}/things`, { method: "OPTIONS", headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization, x-mine");
    const reply = await api.fetch(`${api.origin}/things`, { headers });
    expect(reply.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(reply.headers.get("access-control-expose-headers")).toContain("Retry-After");
    expect(api.counts.requests).toBe(1);
  });
});

describe("what goes wrong on purpose", () => {
  it("a failing token endpoint signs nobody out; when it works again, so does the call [P17]", async () => {
    const { api, clock, vault, things } = await stage();
    api.expire();
    api.fail({ times: 2, retryAfter: 1 });
    expect((await clock.until(vault.fetch(things))).status).toBe(200);
    expect(api.counts).toMatchObject({ refreshes: 3, reuses: 0 });
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("the API itself may fail, and nothing is refreshed", async () => {
    const { api, vault, things } = await stage();
    api.fail({ on: "request", status: 429, retryAfter: 7 });
    const limited = await vault.fetch(things);
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "7"]);
    expect((await vault.fetch(things)).status).toBe(200);
    expect(api.counts.refreshes).toBe(0);
  });

  it("a lost reply has rotated the token: sending it again is a reuse [P2]", async () => {
    const { api, refresh } = await stage();
    const { refreshToken } = api.grant();
    api.loseReply();
    expect(await rejection(refresh(refreshToken))).toBeInstanceOf(TypeError);
    expect((await refresh(refreshToken)).status).toBe(400);
    expect(api.counts.reuses).toBe(1);
  });

  it("a reply may be late by the clock, and its caller may leave", async () => {
    const { api, clock, vault, things } = await stage();
    api.delay(5_000, { on: "request" });
    const late = vault.fetch(things);
    await clock.advance(4_999);
    const left = new AbortController();
    api.delay(5_000, { on: "request" });
    const leaving = rejection(vault.fetch(things, { signal: left.signal }));
    left.abort();
    expect((await leaving).name).toBe("AbortError");
    await clock.advance(1);
    expect((await late).status).toBe(200);
  });

  it("a held reply comes when it is let go, and fifty callers wait for one refresh [P1]", async () => {
    const { api, vault, things } = await stage();
    api.expire();
    const held = api.hold();
    const calls = Promise.all(Array.from({ length: 50 }, () => vault.fetch(things)));
    await held.arrived;
    held.release();
    expect((await calls).map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(api.counts.refreshes).toBe(1);
  });

  it("a revoked session ends in the typed error [P9]", async () => {
    const { api, vault, things, events } = await stage();
    api.revoke();
    await expect(vault.fetch(things)).rejects.toMatchObject({ code: "sign_in_required" });
    expect(events.map(({ type }) => type)).toContain("refused");
  });
});

describe("in the network's place", () => {
  it("MSW's handlers answer the global fetch, tokens and all", async () => {
    const api = fakeApi();
    const server = setupServer(...api.handlers(http));
    server.listen({ onUnhandledFrame: "error" });
    onTestFinished(() => server.close());
    const vault = createVault({ provider: api.provider, store: memoryStore() });
    onTestFinished(() => vault.close());
    await vault.signIn({ email: "ada@example.com", password: "secret" });
    api.expire();
    expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
    expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, requests: 2 });
  });

  it("a lost reply is a network error for MSW, too", async () => {
    const api = fakeApi();
    const server = setupServer(...api.handlers(http));
    server.listen({ onUnhandledFrame: "error" });
    onTestFinished(() => server.close());
    api.loseReply({ on: "request" });
    expect(await rejection(fetch(`${api.origin}/things`))).toBeInstanceOf(TypeError);
  });

  it("what a test's own answer throws is shown by MSW, and is no network error", async () => {
    const api = fakeApi({
      answer() {
        throw new Error("the test is wrong");
      },
    });
    const server = setupServer(...api.handlers(http));
    server.listen({ onUnhandledFrame: "error" });
    onTestFinished(() => server.close());
    const shown = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => shown.mockRestore());
    const headers = { authorization: `Bearer ${api.grant().accessToken}` };
    const reply = await fetch(`${api.origin}/things`, { headers });
    expect([reply.status, await reply.json()]).toMatchObject([
      500,
      { message: "the test is wrong" },
    ]);
  });

  it("what it throws ends a test of Playwright's, whose page gets a network error", async () => {
    const api = fakeApi({
      answer() {
        throw new Error("the test is wrong");
      },
    });
    const done: string[] = [];
    const route = (token: string): RouteLike => ({
      request: () => ({
        url: () => `${api.origin}/things`,
        method: () => "GET",
        headers: () => ({ authorization: `Bearer ${token}` }),
        postData: () => null,
      }),
      fulfill: async ({ status }) => void done.push(`fulfilled ${status}`),
      abort: async () => void done.push("aborted"),
    });
    await expect(api.route(route(api.grant().accessToken))).rejects.toThrow("the test is wrong");
    await api.route(route("unknown"));
    api.loseReply({ on: "request" });
    await api.route(route("unknown"));
    expect(done).toEqual(["aborted", "fulfilled 401", "aborted"]);
  });
});
