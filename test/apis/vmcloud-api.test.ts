/** Proves the test server itself: what it answers, each rotation, each fault, each switch. */
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { asFetch } from "./in-process.ts";
import { ada, createVmcloudApi, grace, type VmcloudOptions, type VmcloudUser } from "./vmcloud.ts";

const hour = 3_600_000;
const start = Date.parse("2026-11-22T10:00:00Z");

interface Grant {
  readonly token: string;
  readonly expires_at: string;
  readonly refresh_token: string;
}

/** An API with a clock in hand, and the calls that the tests make. */
function setUp(options: VmcloudOptions = {}) {
  const clock = { now: start };
  const api = createVmcloudApi({ now: () => clock.now, ...options });
  const call = asFetch(api.fetch);
  const at = (path: string): string => `https://api.vmcloud.test${path}`;
  const post = (path: string, body: unknown, headers: HeadersInit = {}): Promise<Response> =>
    call(at(path), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  return {
    api,
    clock,
    call,
    at,
    post,
    get: (path: string, token?: string, method = "GET"): Promise<Response> =>
      call(at(path), {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      }),
    refresh: (refreshToken: string): Promise<Response> =>
      post("/api/v1/auth/refresh", { refresh_token: refreshToken }),
    async signIn({ email, password }: VmcloudUser = ada): Promise<Grant> {
      const reply = await post("/api/v1/auth/token", { email, password });
      expect(reply.status).toBe(200);
      return (await reply.json()) as Grant;
    },
  };
}

const grantOf = async (reply: Response | Promise<Response>): Promise<Grant> => {
  const settled = await reply;
  expect(settled.status).toBe(200);
  return (await settled.json()) as Grant;
};
const statusOf = async (reply: Promise<Response>): Promise<number> => (await reply).status;
const refusal = { error: { code: 401, message: "Invalid or expired token" } };

describe("signing in", () => {
  it("answers as the page says, with a real JWT of 24 hours", async () => {
    const { signIn } = setUp();
    const { token, expires_at, refresh_token } = await signIn();
    expect(expires_at).toBe("2026-11-23T10:00:00Z");
    expect(refresh_token).toMatch(/^rft_\w+$/);
    expect(decodeProtectedHeader(token)).toEqual({ alg: "HS256", typ: "JWT" });
    expect(decodeJwt(token)).toEqual({
      sub: "user:ada@example.com",
      email: ada.email,
      org: ada.org,
      plan: ada.plan,
      permissions: ada.permissions,
      iat: start / 1000,
      exp: (start + 24 * hour) / 1000,
      jti: expect.any(String),
    });
  });

  it("refuses wrong credentials and malformed calls", async () => {
    const { api, post, get, call, at } = setUp();
    const path = "/api/v1/auth/token";
    expect(await statusOf(post(path, { email: ada.email, password: "wrong" }))).toBe(401);
    expect(await statusOf(post(path, { email: "nobody@example.com", password: "x" }))).toBe(401);
    expect(await statusOf(post(path, { email: ada.email }))).toBe(400);
    expect(await statusOf(post(path, []))).toBe(400);
    expect(await statusOf(call(at(path), { method: "POST", body: "email=ada" }))).toBe(415);
    expect(await statusOf(get(path))).toBe(405);
    expect(api.counters().signIns).toBe(0);
  });

  it("knows added users", async () => {
    const { api, signIn } = setUp();
    const alan = { ...ada, email: "alan@example.com", password: "enigma" };
    api.addUser(alan);
    expect(decodeJwt((await signIn(alan)).token)["email"]).toBe(alan.email);
  });
});

describe("calling the API", () => {
  it("asks for a living token of its own", async () => {
    const { api, clock, get, signIn } = setUp();
    const { token } = await signIn();
    const stranger = await setUp().signIn();
    expect(await statusOf(get("/v1/me", token))).toBe(200);
    const bare = await get("/v1/me");
    expect(bare.status).toBe(401);
    expect(bare.headers.get("www-authenticate")).toBe("Bearer");
    expect(await bare.json()).toEqual(refusal);
    const foreign = await get("/v1/me", stranger.token);
    expect(foreign.status).toBe(401);
    expect(foreign.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    clock.now += 24 * hour - 1;
    expect(await statusOf(get("/v1/me", token))).toBe(200);
    clock.now += 1;
    expect(await statusOf(get("/v1/me", token))).toBe(401);
    expect(api.counters().unauthorized).toBe(3);
  });

  it("keeps machines by organisation and gives back the bytes that it got", async () => {
    const { call, at, get, post, signIn } = setUp();
    const { token } = await signIn();
    const headers = { authorization: `Bearer ${token}` };
    const made = await post("/v1/vms", { name: "é" }, headers);
    expect(made.status).toBe(201);
    const vm = (await made.json()) as { id: string };
    expect(vm).toEqual({ id: vm.id, name: "é", received: '{"name":"é"}' });
    const put = await call(at(`/v1/vms/${vm.id}`), {
      method: "PUT",
      headers: { ...headers, "content-type": "application/json" },
      body: '{ "name": "b" }',
    });
    expect(await put.json()).toMatchObject({ name: "b", received: '{ "name": "b" }' });
    expect(await (await get(`/v1/vms/${vm.id}`, token)).json()).toEqual({ id: vm.id, name: "b" });
    expect(await (await get("/v1/vms", token)).json()).toMatchObject({ vms: [{}, { name: "b" }] });
    const other = await signIn(grace);
    expect(await statusOf(get(`/v1/vms/${vm.id}`, other.token))).toBe(404);
    expect(await statusOf(get(`/v1/vms/${vm.id}`, other.token, "DELETE"))).toBe(403);
    expect(await statusOf(get(`/v1/vms/${vm.id}`, token, "DELETE"))).toBe(204);
    expect(await statusOf(get(`/v1/vms/${vm.id}`, token))).toBe(404);
    expect(await statusOf(get("/v1/elsewhere", token))).toBe(404);
  });

  it("echoes a call without showing its token", async () => {
    const { call, at, get, signIn } = setUp();
    await signIn();
    const { token } = await signIn();
    const headers = { authorization: `Bearer ${token}`, "x-mark": "1" };
    const body = new Uint8Array([0, 255]);
    const text = await (await call(at("/v1/echo"), { method: "POST", headers, body })).text();
    expect(text).not.toContain(token);
    expect(JSON.parse(text)).toEqual({
      method: "POST",
      headers: { "x-mark": "1" },
      authorization: true,
      tokenIndex: 2,
      body: "\0\ufffd",
      bytes: 2,
      sha256: "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8",
    });
    expect(await statusOf(get("/v1/echo"))).toBe(401);
    const open = await get("/public/echo");
    expect(await open.json()).toMatchObject({ authorization: false, tokenIndex: null });
  });

  it("limits the rate per user and hour", async () => {
    const { api, clock, get, signIn } = setUp({ rateLimit: 2 });
    const { token } = await signIn();
    const other = await signIn(grace);
    expect(await statusOf(get("/v1/me", token))).toBe(200);
    clock.now += hour / 2;
    expect(await statusOf(get("/v1/me", token))).toBe(200);
    const limited = await get("/v1/me", token);
    expect(limited.status).toBe(429);
    expect(limited.headers.get("retry-after")).toBe("1800");
    expect(await limited.json()).toEqual({ error: { code: 429, message: "Rate limit exceeded" } });
    expect(await statusOf(get("/v1/me", other.token))).toBe(200);
    clock.now += hour / 2;
    expect(await statusOf(get("/v1/me", token))).toBe(200);
    api.set({ rateLimit: "unlimited" });
    for (let n = 0; n < 3; n += 1) expect(await statusOf(get("/v1/me", token))).toBe(200);
  });
});

describe("rotation", () => {
  it("strict: a spent token ends its family, and no other", async () => {
    const { api, get, refresh, signIn } = setUp();
    const first = await signIn();
    const bystander = await signIn();
    const second = await grantOf(refresh(first.refresh_token));
    expect(second.refresh_token).not.toBe(first.refresh_token);
    const reuse = await refresh(first.refresh_token);
    expect(reuse.status).toBe(401);
    expect(await reuse.json()).toEqual(refusal);
    expect(await statusOf(refresh(second.refresh_token))).toBe(401);
    expect(await statusOf(get("/v1/me", second.token))).toBe(200);
    await grantOf(refresh(bystander.refresh_token));
    expect(await statusOf(refresh("rft_unknown"))).toBe(401);
    expect(api.counters()).toMatchObject({
      signIns: 2,
      tokenCalls: 5,
      refreshed: 2,
      reuseDetections: 1,
      familiesRevoked: 1,
    });
  });

  it("strict: of two calls with one token at once, one is granted", async () => {
    const { api, refresh, signIn } = setUp();
    const { refresh_token } = await signIn();
    const replies = await Promise.all([refresh(refresh_token), refresh(refresh_token)]);
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 401]);
    expect(api.counters()).toMatchObject({ refreshed: 1, reuseDetections: 1 });
  });

  it("window: a spent token gets siblings until the window closes", async () => {
    const { api, clock, refresh, signIn } = setUp({ rotation: "window", reuseWindow: 1000 });
    const first = await signIn();
    const second = await grantOf(refresh(first.refresh_token));
    clock.now += 999;
    const sibling = await grantOf(refresh(first.refresh_token));
    expect(sibling.refresh_token).not.toBe(second.refresh_token);
    await grantOf(refresh(second.refresh_token));
    const third = await grantOf(refresh(sibling.refresh_token));
    expect(api.counters().reuseDetections).toBe(0);
    // Counted from the first use, not from the latest.
    clock.now += 1;
    expect(await statusOf(refresh(first.refresh_token))).toBe(401);
    expect(await statusOf(refresh(third.refresh_token))).toBe(401);
    expect(api.counters()).toMatchObject({ reuseDetections: 1, familiesRevoked: 1 });
  });

  it("none: the token stays", async () => {
    const { api, refresh, signIn } = setUp({ rotation: "none" });
    const first = await signIn();
    for (let n = 0; n < 2; n += 1) {
      const next = await grantOf(refresh(first.refresh_token));
      expect(next.refresh_token).toBe(first.refresh_token);
      expect(next.token).not.toBe(first.token);
    }
    api.revokeFamilies();
    expect(await statusOf(refresh(first.refresh_token))).toBe(401);
    expect(api.counters()).toMatchObject({ reuseDetections: 0, familiesRevoked: 1 });
  });
});

describe("switches and helpers", () => {
  it("killOldAccessToken: a refresh ends the earlier access tokens of its family", async () => {
    const { get, refresh, signIn } = setUp({ killOldAccessToken: true });
    const first = await signIn();
    const bystander = await signIn();
    const second = await grantOf(refresh(first.refresh_token));
    expect(await statusOf(get("/v1/me", first.token))).toBe(401);
    expect(await statusOf(get("/v1/me", second.token))).toBe(200);
    expect(await statusOf(get("/v1/me", bystander.token))).toBe(200);
  });

  it("revokeAccessTokens: they end with their family", async () => {
    const { get, refresh, signIn } = setUp({ revokeAccessTokens: true });
    const first = await signIn();
    const second = await grantOf(refresh(first.refresh_token));
    await refresh(first.refresh_token);
    expect(await statusOf(get("/v1/me", second.token))).toBe(401);
  });

  it("expireAccessTokens: all that were issued, none that come", async () => {
    const { api, get, refresh, signIn } = setUp();
    const first = await signIn();
    api.expireAccessTokens();
    expect(await statusOf(get("/v1/me", first.token))).toBe(401);
    const second = await grantOf(refresh(first.refresh_token));
    expect(await statusOf(get("/v1/me", second.token))).toBe(200);
  });

  it("life, clockOffset and omit", async () => {
    const { api, get, refresh, signIn } = setUp({ life: 1500, clockOffset: hour });
    const first = await signIn();
    expect(first.expires_at).toBe("2026-11-22T11:00:02Z");
    const reply = await get("/v1/me", first.token);
    expect(reply.headers.get("date")).toBe("Sun, 22 Nov 2026 11:00:00 GMT");
    api.set({ clockOffset: hour + 2000 });
    expect(await statusOf(get("/v1/me", first.token))).toBe(401);
    api.set({ omit: ["expires_at", "refresh_token"] });
    expect(Object.keys(await grantOf(refresh(first.refresh_token)))).toEqual(["token"]);
  });

  it("ipBlocked: a firewall's page, and nothing is processed", async () => {
    const { api, refresh, signIn } = setUp();
    const { refresh_token } = await signIn();
    api.set({ ipBlocked: true });
    const blocked = await refresh(refresh_token);
    expect(blocked.status).toBe(403);
    expect(blocked.headers.get("content-type")).toContain("text/html");
    api.set({ ipBlocked: false });
    await grantOf(refresh(refresh_token));
  });

  it("counts calls by path and sends by n", async () => {
    const { api, get, signIn } = setUp();
    const { token } = await signIn();
    await get("/v1/me?n=17");
    await get("/v1/me?n=17", token);
    await get("/v1/vms?n=18", token);
    // Neither a refresh, as it is no POST, nor an API call.
    await get("/api/v1/auth/refresh?n=19");
    expect(api.counters()).toEqual({
      signIns: 1,
      tokenCalls: 0,
      refreshed: 0,
      reuseDetections: 0,
      familiesRevoked: 0,
      requests: 5,
      unauthorized: 1,
      tokens: 1,
      byPath: {
        "POST /api/v1/auth/token": 1,
        "GET /v1/me": 2,
        "GET /v1/vms": 1,
        "GET /api/v1/auth/refresh": 1,
      },
      sends: { 17: 2, 18: 1 },
      maxSendsPerRequestId: 2,
    });
  });
});
