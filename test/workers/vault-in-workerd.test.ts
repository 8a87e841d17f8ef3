/** The vault in workerd: a Durable Object, RPC and KV, against a strict server on a real socket. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/refresh/clock.ts";
import { credentials, eventually, HOUR, otherEnv, stage } from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";
import { qovery } from "./static-api.ts";

describe("a session that a Durable Object owns", () => {
  it("signs in, fetches, tells its state, and signs out", async () => {
    const { api, echo, vault } = await stage();
    expect(await vault().state()).toMatchObject({ status: "signed-out" });
    await vault().signIn(credentials);
    const response = await vault().fetch(echo);
    expect(response.status).toBe(200);
    const state = await vault().state();
    expect(state).toMatchObject({
      status: "signed-in",
      generation: 1,
      persisted: true,
      keyId: "k1",
    });
    expect(state.claims).toMatchObject({ email: credentials.email });
    expect(JSON.stringify(state)).not.toMatch(/eyJ|rft_/);
    expect(await vault().authorization()).toBe(`Bearer ${await vault().getToken()}`);
    await vault().signOut();
    await expect(vault().fetch(echo)).rejects.toMatchObject({ code: "no_session" });
    expect(await vault().state()).toMatchObject({ status: "signed-out" });
    expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });

  it("shows the profile, frozen and without a prototype, keeps it, and KV has none of it [S10 S15]", async () => {
    const { api, echo, vault, provider, cached } = await stage();
    const own = providers[provider]!;
    const user = { name: "Ada", address: { city: "London" } };
    const { signIn } = own;
    Object.assign(own, {
      async signIn(...given: Parameters<NonNullable<typeof signIn>>) {
        const outcome = await signIn!(...given);
        return outcome.type === "granted"
          ? { ...outcome, grant: { ...outcome.grant, profile: user } }
          : outcome;
      },
    });
    await vault().signIn(credentials);
    await api.expireAccessTokens();
    expect((await vault().fetch(echo)).status).toBe(200);
    const { profile, generation } = await vault().state();
    expect([profile, generation]).toEqual([user, 2]);
    for (const object of [profile, profile!["address"]]) {
      expect(Object.getPrototypeOf(object)).toBeNull();
      expect(Object.isFrozen(object)).toBe(true);
    }
    expect(JSON.stringify(await cached())).not.toContain("London");
    await vault().signOut();
    expect((await vault().state()).profile).toBeUndefined();
  });

  it("adopts a token from a secret, a refresh token too", async () => {
    const { api, echo, vault, elsewhere } = await stage();
    const reply = await fetch(`${api.url}/api/v1/auth/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(credentials),
    });
    const { token, refresh_token } = (await reply.json()) as Record<string, string>;
    await vault().adopt({ accessToken: token!, refreshToken: refresh_token });
    await api.expireAccessTokens();
    expect((await elsewhere().fetch(echo)).status).toBe(200);
    expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1 });
    await expect(vault().adopt({ accessToken: "a b" })).rejects.toMatchObject({
      code: "invalid_token",
    });
  });

  it("events: the object tells of the refresh, the Worker of the request sent again [S4 F5]", async () => {
    const { api, echo, vault } = await stage();
    const told: unknown[] = [];
    hooks.onEvent = ({ type, account, generation, status }) =>
      told.push([type, account, generation, status]);
    await vault({ account: "acme" }).signIn(credentials);
    await api.expireAccessTokens();
    const own: string[] = [];
    const onEvent = ({ type }: { type: string }): unknown => own.push(type);
    for (const given of [{}, { onEvent }]) {
      expect((await vault({ account: "acme", ...given }).fetch(echo)).status).toBe(200);
      hooks.ahead += HOUR;
      await api.expireAccessTokens();
    }
    await eventually(() => told.length === 6);
    expect(told).toEqual([
      ["signed-in", "acme", 1, undefined],
      ["refreshing", "acme", 1, undefined],
      ["refreshed", "acme", 2, undefined],
      ["retried", "acme", 2, 401],
      ["refreshing", "acme", 2, undefined],
      ["refreshed", "acme", 3, undefined],
    ]);
    expect(own).toEqual(["retried"]);
  });

  it("unlessSignedIn: a thousand first requests sign in once", async () => {
    const { api, elsewhere, vault } = await stage();
    await Promise.all(
      Array.from({ length: 50 }, () => elsewhere().signIn(credentials, { unlessSignedIn: true })),
    );
    expect(await api.counters()).toMatchObject({ signIns: 1 });
    await vault().signIn(credentials, { unlessSignedIn: true });
    expect(await api.counters()).toMatchObject({ signIns: 1 });
    await vault().signIn(credentials);
    expect(await api.counters()).toMatchObject({ signIns: 2 });
  });

  it("wrong credentials are a typed error, and no session", async () => {
    const { vault, stub } = await stage();
    const wrong = { ...credentials, password: "not this one" };
    const error = await vault()
      .signIn(wrong)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "credentials_refused", status: 401, name: "VaultError" });
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain(
      "not this",
    );
    expect(
      await runInDurableObject(await stub(), (_, { storage }) => storage.getAlarm()),
    ).toBeNull();
  });

  it("accounts share nothing [S11]", async () => {
    const { vault, elsewhere, echo } = await stage();
    await vault({ account: "a" }).signIn(credentials);
    expect((await vault({ account: "a" }).fetch(echo)).status).toBe(200);
    for (const account of ["A", "a|", "default", "a "])
      await expect(vault({ account }).fetch(echo)).rejects.toMatchObject({ code: "no_session" });
    await vault({ account: "b" }).signOut();
    expect((await elsewhere({ account: "a" }).fetch(echo)).status).toBe(200);
  });

  it("one object for each client, audience and scope, as the provider's partition has them [S11]", async () => {
    const { vault, provider, api, echo } = await stage();
    const own = providers[provider]!;
    const parts = [[], ["client-1"], ["client-2"], ["client-1", "read"]];
    const names = parts.map((partition, at) => {
      providers[`${provider}-${at}`] = { ...own, partition };
      return `${provider}-${at}`;
    });
    await vault({ provider: names[1]! }).signIn(credentials);
    const statuses = await Promise.all(
      names.map((name) =>
        vault({ provider: name })
          .fetch(echo)
          .then(
            ({ status }) => status,
            (error: { code: string }) => error.code,
          ),
      ),
    );
    expect(statuses).toEqual(["no_session", 200, "no_session", "no_session"]);
    expect((await api.counters()).signIns).toBe(1);
  });

  it("an object that owns one session serves no other [S11]", async () => {
    const { provider, stub, vault } = await stage();
    await vault().signIn(credentials);
    const owner = (await stub()) as unknown as {
      token(call: object, need: object): Promise<{ error?: { code: string } }>;
    };
    const call = { provider, account: "other", key: "x" };
    expect((await owner.token(call, {})).error).toMatchObject({ code: "invalid_option" });
  });
});

describe("many at once", () => {
  it("two hundred requests with an expired session make one token call [P1 F31]", async () => {
    const { api, request, vault } = await stage();
    await vault().signIn(credentials);
    await api.expireAccessTokens();
    const responses = await Promise.all(Array.from({ length: 200 }, () => request()));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all(responses.map((one) => one.text()));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("from forty isolates that know nothing, when the token has ended by its time [P1 F32]", async () => {
    const { api, elsewhere, vault, echo } = await stage();
    await vault().signIn(credentials);
    hooks.ahead = 25 * HOUR;
    const responses = await Promise.all(
      Array.from({ length: 40 }, () => elsewhere({ env: bare() }).fetch(echo)),
    );
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, unauthorized: 0 });
  });

  it("requests in a row through the front door: the isolate's memory answers all but the first", async () => {
    const { request, vault, api } = await stage();
    await vault().signIn(credentials);
    hooks.asked = 0;
    for (let call = 0; call < 20; call++) await (await request("default")).text();
    expect(hooks.asked).toBeLessThanOrEqual(1);
    // Memory belongs to an `env`: the platform gives each request the same.
    expect(hooks.envs.size).toBe(1);
    expect((await api.counters()).byPath["GET /v1/echo"]).toBe(20);
  });

  it("the request that began the refresh goes away: the others are answered [F31]", async () => {
    const { api, request, vault } = await stage();
    await vault().signIn(credentials);
    await api.expireAccessTokens();
    const gate = await api.gate("refresh", "after");
    const gone = new AbortController();
    const first = request("default", { signal: gone.signal }).catch((error: Error) => error.name);
    await gate.arrived;
    const others = Array.from({ length: 20 }, () => request());
    gone.abort();
    expect(await first).toBe("AbortError");
    await gate.release();
    const responses = await Promise.all(others);
    expect(responses.map(({ status }) => status)).toEqual(Array(20).fill(200));
    await Promise.all(responses.map((one) => one.text()));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("a request that has ended leaves its background refresh to the object [F31]", async () => {
    const { api, request, vault } = await stage();
    await vault().signIn(credentials);
    const gate = await api.gate("refresh", "before");
    hooks.ahead = 20 * HOUR;
    const first = await request();
    expect([first.status, await first.text()]).toEqual([200, expect.any(String)]);
    await gate.arrived;
    expect((await request()).status).toBe(200);
    await gate.release();
    await eventually(async () => (await vault().state()).generation === 2);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, unauthorized: 0 });
  });

  it("a caller's abort is its own: the refresh goes on [P14]", async () => {
    const { api, echo, vault } = await stage();
    await vault().signIn(credentials);
    await api.expireAccessTokens();
    const gate = await api.gate("refresh", "after");
    const gone = new AbortController();
    const call = vault().fetch(echo, { signal: gone.signal });
    await gate.arrived;
    gone.abort();
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    await gate.release();
    await eventually(async () => (await vault().state()).generation === 2);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1 });
  });

  it.each([
    ["nothing", undefined],
    ["no revision", { lease: {} }],
    ["no lease", { revision: 1 }],
    ["no token", { revision: 1, lease: { sessionId: "s", generation: 1 } }],
    [
      "a broken token",
      { revision: 1, lease: { accessToken: "a b", sessionId: "s", generation: 1 } },
    ],
  ])("an answer of another version, with %s, is not believed [S10]", async (_, said) => {
    const { echo, vault } = await stage();
    const other = { idFromName: () => "", get: () => ({ token: async () => said }) };
    const env = { ...bare(), TOKEN_VAULT: other };
    for (let call = 0; call < 2; call++)
      await expect(vault({ env }).fetch(echo)).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("an object that never answers hangs nobody [P10]", async () => {
    const { echo, vault } = await stage();
    const silent = { idFromName: () => "", get: () => ({ token: () => new Promise(() => {}) }) };
    // No test waits for the ten seconds in which an object may say something.
    const clock = { ...systemClock, setTimeout: (late: () => void) => setTimeout(late, 50) };
    const env = { ...bare(), TOKEN_VAULT: silent };
    const call = vault({ env, patience: 0, clock }).fetch(echo);
    await expect(call).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

it("a static token that a 401 has ended asks the application, and the 401 is returned", async () => {
  const { api, vault, provider } = await stage();
  providers[provider] = qovery(api.url);
  await vault().adopt({ accessToken: "revoked-token" });
  expect((await vault().fetch(`${api.url}/v1/echo`)).status).toBe(401);
});

/** A Worker's bindings but for KV. */
const bare = (): object => ({ ...otherEnv(), TOKEN_CACHE: undefined });
