/** Proves the test servers of Simplismart, Artos, Qovery and Clary: their very words, and what they check. */
import { createSecretKey } from "node:crypto";
import { decodeJwt, type JWTPayload, SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { type Account, type ApiEntry, type ApiName, apis, createApi } from "./apis.ts";
import { spawnApi } from "./client.ts";
import { type ClaryOptions, createClaryApi } from "./clary.ts";
import type { TestApi } from "./contract.ts";
import { asFetch } from "./in-process.ts";
import { createQoveryApi } from "./qovery.ts";
import { serveControl } from "./serve.ts";

const HOUR = 3_600_000;
const start = Date.parse("2026-11-22T10:00:00Z");
const four = ["simplismart", "artos", "qovery", "clary"] as const;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** An API with a clock in hand. */
function setUp<Api extends TestApi = TestApi>(
  create: (options: { now: () => number }) => Api,
  scheme: string = "Bearer",
) {
  const clock = { now: start };
  const api = create({ now: () => clock.now });
  const call = asFetch(api.fetch);
  const at = (path: string): string => `https://api.test${path}`;
  const post = (path: string, body: unknown, headers: HeadersInit = {}): Promise<Response> =>
    call(at(path), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const get = (path: string, token?: string): Promise<Response> =>
    call(at(path), { headers: token === undefined ? {} : { authorization: `${scheme} ${token}` } });
  return {
    api,
    clock,
    call,
    at,
    get,
    post,
    /** An access token for an account, however the API gives it. */
    async token(account?: Account): Promise<string> {
      const { token, userId } = await api.credentials(account);
      if (token !== undefined) return token;
      const minted = await post("/get-access-token", { user_id: userId });
      return ((await minted.json()) as { access_token: string }).access_token;
    },
  };
}

const named = (name: ApiName) =>
  setUp((options) => createApi(name, options), (apis[name] as ApiEntry).scheme);

const statusOf = async (reply: Promise<Response>): Promise<number> => (await reply).status;
const told = async (reply: Promise<Response>): Promise<unknown> => (await reply).json();

const qovery = (status: number, error: string, message: string): object => ({
  status,
  error,
  message,
});
const clary = (code: string, message: string): object => ({ error: { code, message } });

/** From the pages, word for word; 429 is assumed. */
const words: Readonly<Record<(typeof four)[number], Readonly<Record<string, object>>>> = {
  simplismart: {
    missing: { detail: "Authentication credentials were not provided." },
    invalid: { detail: "Invalid token." },
    forbidden: { detail: "You do not have permission to perform this action." },
    limited: { detail: "Request was throttled." },
  },
  artos: {
    missing: { detail: "Not authenticated" },
    invalid: { detail: "Invalid authentication credentials" },
    forbidden: { detail: "User has no organization or not authorized" },
    limited: { detail: "Too many requests" },
  },
  qovery: {
    missing: qovery(401, "Unauthorized", "Invalid or missing authentication token"),
    invalid: qovery(401, "Unauthorized", "Invalid or missing authentication token"),
    forbidden: qovery(403, "Forbidden", "Insufficient permissions to access this resource"),
    limited: qovery(429, "Too Many Requests", "Rate limit exceeded"),
  },
  clary: {
    missing: clary("unauthorized", "Invalid API key"),
    invalid: clary("unauthorized", "Invalid API key"),
    forbidden: clary("forbidden", "Insufficient permissions"),
    limited: clary("rate_limited", "Rate limit exceeded"),
  },
};

describe.each(four)("%s", (name) => {
  const { read, write, foreign, scheme } = apis[name];

  it("speaks its page's words", async () => {
    const { api, get, post, token } = named(name);
    expect(await told(get(read))).toEqual(words[name]["missing"]);
    expect(await told(get(read, "wrong"))).toEqual(words[name]["invalid"]);
    const authorization = `${scheme} ${await token("grace")}`;
    const denied = await post(write, {}, { authorization });
    expect([denied.status, await denied.json()]).toEqual([403, words[name]["forbidden"]]);
    api.set({ rateLimit: 0 });
    const limited = await get(read, await token());
    expect([limited.status, await limited.json()]).toEqual([429, words[name]["limited"]]);
    expect(limited.headers.get("retry-after")).toBe("3600");
  });

  it("takes its own scheme and living tokens only", async () => {
    const { api, call, at, get, token } = named(name);
    const one = await token();
    for (const value of [one, `Basic ${one}`, `${scheme}  ${one}`, `${scheme} ${one} x`])
      expect(await statusOf(call(at(read), { headers: { authorization: value } }))).toBe(401);
    const lower = { authorization: `${scheme.toLowerCase()} ${one}` };
    // RFC 9110 §11.1: the scheme's case does not matter.
    expect(await statusOf(call(at(read), { headers: lower }))).toBe(200);
    api.revoke();
    const dead = await get(read, one);
    expect(dead.status).toBe(401);
    expect(dead.headers.get("www-authenticate")).toBe(scheme);
    expect(await statusOf(get(read, await token()))).toBe(200);
    expect(api.counters().unauthorized).toBe(5);
  });

  it("keeps organisations apart", async () => {
    const { get, token } = named(name);
    const [ada, grace] = [await token(), await token("grace")];
    expect(await statusOf(get(foreign, ada))).toBe(403);
    expect(await statusOf(get(foreign, grace))).toBe(200);
    expect(await told(get(read, ada))).not.toEqual(await told(get(read, grace)));
  });

  it("makes, changes and removes things, and gives back the bytes that it got", async () => {
    const { call, at, post, token } = named(name);
    const headers = {
      authorization: `${scheme} ${await token()}`,
      "content-type": "application/json",
    };
    const made = await post(write, { name: "é" }, headers);
    expect(made.status).toBe(201);
    const { id, received } = (await made.json()) as { id: string; received: string };
    expect(received).toBe('{"name":"é"}');
    const own = at(`${write.replace(/\/$/, "")}/${id}`);
    const put = await call(own, { method: "PUT", headers, body: '{ "name": "b" }' });
    expect(await put.json()).toEqual({ id, name: "b", received: '{ "name": "b" }' });
    expect(await told(call(own, { headers }))).toEqual({ id, name: "b" });
    expect(await statusOf(call(own, { method: "PATCH", headers }))).toBe(405);
    expect(await statusOf(call(own, { method: "DELETE", headers }))).toBe(204);
    expect(await statusOf(call(own, { headers }))).toBe(404);
    expect(await statusOf(call(at("/elsewhere"), { headers }))).toBe(404);
    expect(await statusOf(call(at(write), { method: "POST", headers, body: "[" }))).toBe(400);
  });

  it("has faults, gates and a firewall", async () => {
    const { api, get, token } = named(name);
    const one = await token();
    api.fault("api", { status: 500 });
    expect([await statusOf(get(read, one)), await statusOf(get(read, one))]).toEqual([500, 200]);
    const gate = api.gate("api", "before");
    const held = get(read, one);
    await gate.arrived;
    api.expireAccessTokens();
    gate.release();
    // An API key has no expiry.
    expect(await statusOf(held)).toBe(name === "clary" ? 200 : 401);
    api.set({ ipBlocked: true });
    const blocked = await get(read, one);
    expect([blocked.status, blocked.headers.get("content-type")]).toEqual([
      403,
      "text/html; charset=utf-8",
    ]);
  });
});

describe("the lives of tokens", () => {
  it.each([
    ["simplismart", 30 * 24 * HOUR],
    ["artos", HOUR],
    ["qovery", 365 * 24 * HOUR],
  ] as const)("%s ends what it gave after %i ms", async (name, life) => {
    const { clock, get, token } = named(name);
    const one = await token();
    clock.now += life - 1;
    expect(await statusOf(get(apis[name].read, one))).toBe(200);
    clock.now += 1;
    expect(await statusOf(get(apis[name].read, one))).toBe(401);
  });

  it("life and clockOffset can be switched", async () => {
    const { api, get, token } = named("artos");
    api.set({ life: 1500, clockOffset: HOUR });
    const one = await token();
    const { iat, exp } = decodeJwt(one);
    expect([iat! * 1000, exp! - iat!]).toEqual([start + HOUR, 2]);
    expect((await get("/echo", one)).headers.get("date")).toBe("Sun, 22 Nov 2026 11:00:00 GMT");
    api.set({ clockOffset: HOUR + 2000 });
    expect(await statusOf(get("/echo", one))).toBe(401);
  });
});

describe("artos", () => {
  it("mints for user ids, and answers the search's status to everyone", async () => {
    const { api, get, post } = named("artos");
    const { userId } = await api.credentials();
    expect(await api.credentials()).toEqual({ userId });
    expect((await api.credentials("grace"))["userId"]).not.toBe(userId);
    const minted = await post("/get-access-token", { user_id: userId });
    expect(Object.keys((await minted.json()) as object)).toEqual(["access_token"]);
    expect(await statusOf(post("/get-access-token", { user_id: "wrong" }))).toBe(401);
    expect(await statusOf(post("/get-access-token", { user: userId }))).toBe(422);
    expect(await statusOf(get("/get-access-token"))).toBe(405);
    expect(await statusOf(get("/api/v1/search/status"))).toBe(200);
    expect(await statusOf(get("/api/v1/search"))).toBe(401);
    api.revoke();
    expect(await statusOf(post("/get-access-token", { user_id: userId }))).toBe(401);
    expect(api.counters()).toMatchObject({ tokenCalls: 4, refreshed: 1, unauthorized: 1 });
  });

  it("answers 403 to users without an organisation", async () => {
    const { get, token } = named("artos");
    expect(await statusOf(get("/api/v1/templates/", await token("nobody")))).toBe(403);
  });
});

describe("qovery", () => {
  it("keeps to the scopes of a token", async () => {
    const { api, call, at } = setUp(createQoveryApi, "Token");
    const calls = [
      ["GET", "/organization"],
      ["POST", "/organization/org-analytical/project"],
      ["POST", "/environment/env-1/deploy"],
    ] as const;
    const may = (token: string): Promise<number[]> =>
      Promise.all(
        calls.map(([method, path]) =>
          statusOf(
            call(at(path), {
              method,
              headers: { authorization: `Token ${token}`, "content-type": "application/json" },
              ...(method === "POST" && { body: "{}" }),
            }),
          ),
        ),
      );
    expect(await may(api.issue(["Read"]))).toEqual([200, 403, 403]);
    expect(await may(api.issue(["Write"]))).toEqual([403, 201, 403]);
    expect(await may(api.issue(["Deploy"]))).toEqual([403, 403, 202]);
    expect(await may(api.issue(["Admin"]))).toEqual([200, 201, 202]);
    expect(await may(api.issue(["Admin"], "grace"))).toEqual([200, 403, 202]);
    expect(await may(api.issue([]))).toEqual([403, 403, 403]);
  });

  it("answers as on its page", async () => {
    const { get, token } = named("qovery");
    expect(await told(get("/organization", await token()))).toEqual({
      id: "org-analytical",
      name: "org-analytical",
      created_at: "2024-01-01T00:00:00.000Z",
    });
  });
});

describe("clary's JWTs", () => {
  async function jwts(options: ClaryOptions = {}) {
    const one = setUp((given) => createClaryApi({ ...given, mode: "jwt", ...options }));
    const keyOf = async (account?: Account): Promise<string> =>
      (await one.api.credentials(account))["apiKey"]!;
    const iat = start / 1000;
    const claims: JWTPayload = { sub: "ada", iat, exp: iat + 3600, tier: "standard" };
    const sign = (key: string, changes: JWTPayload = {}, alg = "HS256"): Promise<string> =>
      new SignJWT({ ...claims, ...changes })
        .setProtectedHeader({ alg })
        .sign(createSecretKey(Buffer.from(key)));
    return { ...one, keyOf, sign, iat };
  }

  it("are taken if they are signed with a living key, and are in time", async () => {
    const { api, clock, get, keyOf, sign, iat } = await jwts();
    const key = await keyOf();
    const status = async (jwt: Promise<string>): Promise<number> =>
      statusOf(get("/v1/documents", await jwt));
    expect(await status(sign(key))).toBe(200);
    expect(await status(sign("another-key"))).toBe(401);
    expect(await status(sign(key, {}, "HS512"))).toBe(401);
    expect(await status(sign(key, { exp: iat }))).toBe(401);
    expect(await status(sign(key, { iat: iat + 30 }))).toBe(200);
    expect(await status(sign(key, { iat: iat + 31 }))).toBe(401);
    for (const claim of ["sub", "iat", "exp", "tier"])
      expect([claim, await status(sign(key, { [claim]: undefined as never }))]).toEqual([
        claim,
        401,
      ]);
    const one = await sign(key);
    clock.now += HOUR - 1;
    expect(await statusOf(get("/v1/documents", one))).toBe(200);
    clock.now += 1;
    expect(await statusOf(get("/v1/documents", one))).toBe(401);
    const later = await sign(key, { iat: iat + 3600, exp: iat + 7200 });
    expect(await statusOf(get("/v1/documents", later))).toBe(200);
    api.revoke();
    expect(await statusOf(get("/v1/documents", later))).toBe(401);
  });

  it("keep to their tier, which is no more than their key's", async () => {
    const { get, keyOf, sign } = await jwts();
    const [ada, grace] = [await keyOf(), await keyOf("grace")];
    const status = async (key: string, tier: string, path = "/v1/workflows"): Promise<number> =>
      statusOf(get(path, await sign(key, { tier })));
    expect(await status(ada, "professional")).toBe(200);
    expect(await status(ada, "standard")).toBe(403);
    expect(await status(ada, "platinum")).toBe(401);
    expect(await status(grace, "lite", "/v1/documents")).toBe(200);
    expect(await status(grace, "professional")).toBe(401);
  });

  it("are ended by expireAccessTokens(), those that were not seen yet too; the key is not", async () => {
    const { api, clock, get, keyOf, sign, iat } = await jwts();
    const key = await keyOf();
    const [seen, unseen] = [await sign(key), await sign(key, { jti: "unseen" })];
    expect(await statusOf(get("/v1/documents", seen))).toBe(200);
    clock.now += 1000;
    api.expireAccessTokens();
    for (const jwt of [seen, unseen]) expect(await statusOf(get("/v1/documents", jwt))).toBe(401);
    expect(await statusOf(get("/v1/documents", await sign(key, { iat: iat + 1 })))).toBe(200);
    expect(await statusOf(get("/v1/documents", key))).toBe(200);
  });

  it("are signed as the server is told", async () => {
    const { get, keyOf, sign } = await jwts({ algorithm: "HS512" });
    const key = await keyOf();
    expect(await statusOf(get("/v1/documents", await sign(key)))).toBe(401);
    expect(await statusOf(get("/v1/documents", await sign(key, {}, "HS512")))).toBe(200);
  });
});

describe("the control server", () => {
  it.each(Object.keys(apis) as ApiName[])(
    "starts %s by name, open to pages of any origin",
    async (name) => {
      const control = await serveControl();
      open.push(control);
      const api = await spawnApi(control.url, { name, cors: { expose: ["retry-after"] } });
      const { read, scheme, renewal } = apis[name] as ApiEntry;
      const origin = "http://127.0.0.1:1";
      const preflight = await fetch(api.url + read, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "GET" },
      });
      expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
      const refused = await fetch(api.url + read, { headers: { origin } });
      expect(refused.status).toBe(401);
      expect(refused.headers.get("access-control-allow-origin")).toBe(origin);

      const { token } = await api.credentials("grace");
      const one = token ?? "none";
      if (token !== undefined)
        expect(
          await statusOf(fetch(api.url + read, { headers: { authorization: `${scheme} ${one}` } })),
        ).toBe(200);
      await api.fault("api", { status: 503 });
      expect(await statusOf(fetch(api.url + read))).toBe(503);
      await api.set({ ipBlocked: true });
      expect(await statusOf(fetch(api.url + read))).toBe(403);
      await api.set({ ipBlocked: false });
      await api.revoke();
      if (token !== undefined)
        expect(
          await statusOf(fetch(api.url + read, { headers: { authorization: `${scheme} ${one}` } })),
        ).toBe(401);
      if (renewal !== undefined) {
        await api.fault(renewal, { status: 418 });
        const path = name === "artos" ? "/get-access-token" : "/api/v1/auth/refresh";
        expect(await statusOf(fetch(api.url + path, { method: "POST" }))).toBe(418);
        expect((await api.counters()).tokenCalls).toBe(1);
      }
    },
  );
});
