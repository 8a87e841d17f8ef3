/** Proves what needs real sockets: CORS across origins, dropped connections, the control server. */
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type SpawnedApi, spawnApi } from "./client.ts";
import { cors } from "./cors.ts";
import { wordsOf } from "./log.ts";
import { serve, serveControl, type SpawnOptions } from "./serve.ts";
import { ada, createVmcloudApi, grace } from "./vmcloud.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function spawn(options?: SpawnOptions): Promise<SpawnedApi> {
  const control = await serveControl();
  open.push(control);
  return spawnApi(control.url, options);
}

const page = "http://127.0.0.1:1";

function post(url: string, body: unknown, headers: HeadersInit = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

interface Grant {
  readonly token: string;
  readonly refresh_token: string;
}

async function signIn(api: { url: string }, { email, password } = ada): Promise<Grant> {
  const reply = await post(`${api.url}/api/v1/auth/token`, { email, password });
  expect(reply.status).toBe(200);
  return (await reply.json()) as Grant;
}

const refresh = (api: { url: string }, refreshToken: string): Promise<Response> =>
  post(`${api.url}/api/v1/auth/refresh`, { refresh_token: refreshToken });

describe("CORS", () => {
  const preflight = (url: string): Promise<Response> =>
    fetch(url, {
      method: "OPTIONS",
      headers: {
        origin: page,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });

  it("answers preflights without counting them", async () => {
    const api = await spawn();
    const reply = await preflight(`${api.url}/v1/vms`);
    expect(reply.status).toBe(204);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      "access-control-allow-origin": page,
      "access-control-allow-methods": "GET, POST, PUT, DELETE",
      "access-control-allow-headers": "authorization, content-type",
      "access-control-max-age": "600",
      vary: "Origin",
    });
    expect((await api.counters()).requests).toBe(0);
  });

  it("lets any origin read, but no header unless it is exposed", async () => {
    const api = await spawn();
    const me = (): Promise<Response> => fetch(`${api.url}/v1/me`, { headers: { origin: page } });
    const hidden = await me();
    expect(hidden.status).toBe(401);
    expect(hidden.headers.get("access-control-allow-origin")).toBe(page);
    expect(hidden.headers.has("access-control-allow-credentials")).toBe(false);
    expect(hidden.headers.has("access-control-expose-headers")).toBe(false);
    await api.set({ cors: { expose: ["Retry-After", "Date"] } });
    const exposed = (await me()).headers.get("access-control-expose-headers");
    expect(exposed).toBe("Retry-After, Date");
    const sameOrigin = await fetch(`${api.url}/v1/me`);
    expect(sameOrigin.headers.has("access-control-allow-origin")).toBe(false);
  });

  it("is missing from a reply by a fault, and wholly when switched off", async () => {
    const api = await spawn();
    await api.fault("api", { status: 401, noCors: true });
    const me = (): Promise<Response> => fetch(`${api.url}/v1/me`, { headers: { origin: page } });
    const bare = await me();
    expect(bare.status).toBe(401);
    expect(bare.headers.has("access-control-allow-origin")).toBe(false);
    expect((await me()).headers.has("access-control-allow-origin")).toBe(true);
    await api.set({ cors: { enabled: false } });
    expect((await preflight(`${api.url}/v1/me`)).status).toBe(401);
  });
});

describe("sockets", () => {
  it("carry bodies both ways and the server's own Date", async () => {
    const api = createVmcloudApi({ now: () => Date.parse("2030-01-01T00:00:00Z") });
    const served = await serve(api.fetch);
    open.push(served);
    const body = new Uint8Array(100_000).fill(7);
    const reply = await fetch(`${served.url}/public/echo`, { method: "POST", body });
    expect(reply.headers.get("date")).toBe("Tue, 01 Jan 2030 00:00:00 GMT");
    expect(await reply.json()).toMatchObject({ method: "POST", bytes: 100_000 });
  });

  it.each([true, false])("die with a dropped reply (keepAlive %s)", async (keepAlive) => {
    const api = await spawn({ keepAlive });
    const { refresh_token } = await signIn(api);
    await api.fault("refresh", { dropReply: "before" });
    await expect(refresh(api, refresh_token)).rejects.toThrow(TypeError);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 0 });
    await api.fault("refresh", { dropReply: "after" });
    await expect(refresh(api, refresh_token)).rejects.toThrow(TypeError);
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, refreshed: 1 });
    expect((await refresh(api, refresh_token)).status).toBe(401);
    expect((await api.counters()).reuseDetections).toBe(1);
  });

  it("die in the middle of a body, after its first half has come", async () => {
    const api = await spawn();
    await api.fault("api", { dropReply: "half" });
    const reply = await fetch(`${api.url}/public/echo`);
    expect(reply.status).toBe(200);
    await expect(reply.text()).rejects.toThrow(TypeError);
  });

  it("stay open while a body stalls, until the client gives up", async () => {
    const api = await spawn();
    await api.fault("api", { stall: true });
    const giveUp = new AbortController();
    const reply = await fetch(`${api.url}/public/echo`, { signal: giveUp.signal });
    const reader = reply.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    const rest = reader?.read();
    giveUp.abort(new Error("enough"));
    await expect(rest).rejects.toThrow("enough");
  });

  it("close with the server, though a call is held, and can be opened again", async () => {
    const api = createVmcloudApi();
    const gate = api.gate("api", "before");
    const port = await freePort();
    const served = await serve(api.fetch, { port });
    const held = fetch(`${served.url}/public/echo`);
    await gate.arrived;
    await served.close();
    await expect(held).rejects.toThrow(TypeError);
    gate.release();
    const again = await serve(api.fetch, { port });
    open.push(again);
    expect(again.url).toBe(served.url);
    expect((await fetch(`${again.url}/public/echo`)).status).toBe(200);
  });

  it.each(["before", "after"] as const)(
    "are seen to close while a call is held %s it is processed",
    async (when) => {
      const api = createVmcloudApi();
      const served = await serve(cors(api.fetch));
      open.push(served);
      const gate = api.gate("api", when);
      const giveUp = new AbortController();
      const held = fetch(`${served.url}/public/echo`, { signal: giveUp.signal });
      await gate.arrived;
      expect(wordsOf(api.log(), "api")).toEqual(["1 arrived", "1 held"]);
      giveUp.abort(new Error("enough"));
      await expect(held).rejects.toThrow("enough");
      await gate.left;
      gate.release();
      // A call that is answered has left nothing behind, though its connection closes later.
      await (await fetch(`${served.url}/public/echo`)).text();
      await served.close();
      // Which of the two goes on first is the event loop's to say.
      const words = wordsOf(api.log(), "api");
      expect(words.filter((word) => word.startsWith("1"))).toEqual([
        ...["1 arrived", "1 held", "1 left", "1 let go", "1 over"],
      ]);
      expect(words.filter((word) => word.startsWith("2"))).toEqual(["2 arrived", "2 over"]);
    },
  );

  it("do not die of age: a busy client may send on one that has idled", async () => {
    const server = await serve(async () => new Response());
    open.push(server);
    const { headers } = await fetch(server.url);
    // Node tells after how many seconds it closes, if it does.
    expect(headers.get("keep-alive")).toBeNull();
    expect(headers.get("connection")).toBe("keep-alive");
  });

  it("die when a handler throws", async () => {
    const served = await serve(cors(() => Promise.reject(new Error("bug"))));
    open.push(served);
    await expect(fetch(served.url)).rejects.toThrow(TypeError);
  });
});

describe("the control server", () => {
  it("spawns APIs on origins of their own, with options", async () => {
    const control = await serveControl();
    open.push(control);
    const one = await spawnApi(control.url, { rateLimit: 0 });
    const other = await spawnApi(`${control.url}/`);
    expect(new URL(one.url).origin).not.toBe(new URL(other.url).origin);
    const { token } = await signIn(one);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${one.url}/v1/me`, { headers })).status).toBe(429);
    expect((await fetch(`${other.url}/v1/me`, { headers })).status).toBe(401);
    await one.close();
    await expect(fetch(`${one.url}/v1/me`)).rejects.toThrow(TypeError);
    await expect(one.counters()).rejects.toThrow("404");
    expect((await other.counters()).requests).toBe(1);
  });

  it("steers all that an API can", async () => {
    const api = await spawn();
    await api.addUser({ ...grace, email: "alan@example.com" });
    const first = await signIn(api, { ...grace, email: "alan@example.com" });
    const me = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${first.token}` };
      return (await fetch(`${api.url}/v1/me?n=1`, { headers })).status;
    };
    expect(await me()).toBe(200);
    await api.fault("api", { status: 500, times: "always" });
    expect([await me(), await me()]).toEqual([500, 500]);
    await api.clearFaults();
    await api.set({ ipBlocked: true });
    expect(await me()).toBe(403);
    await api.set({ ipBlocked: false });
    await api.expireAccessTokens();
    expect(await me()).toBe(401);
    await api.revokeFamilies();
    expect((await refresh(api, first.refresh_token)).status).toBe(401);
    expect(await api.counters()).toMatchObject({ familiesRevoked: 1, maxSendsPerRequestId: 5 });
    await expect(api.fault("api", { times: -1 })).rejects.toThrow("times is less than 1");
  });

  it("freezes a reply after rotating", async () => {
    const api = await spawn();
    const { refresh_token } = await signIn(api);
    const gate = await api.gate("refresh", "after");
    const frozen = refresh(api, refresh_token);
    await gate.arrived;
    expect((await api.counters()).refreshed).toBe(1);
    await gate.release();
    expect((await frozen).status).toBe(200);
  });

  it("says when the client of a held call has gone, and what became of each call", async () => {
    const api = await spawn();
    const gate = await api.gate("refresh", "before");
    const giveUp = new AbortController();
    const held = fetch(`${api.url}/api/v1/auth/refresh`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refresh_token: "unknown" }),
      signal: giveUp.signal,
    });
    await gate.arrived;
    giveUp.abort(new Error("enough"));
    await expect(held).rejects.toThrow("enough");
    await gate.left;
    await gate.release();
    expect(wordsOf(await api.log(), "refresh").slice(0, 3)).toEqual([
      "1 arrived",
      "1 held",
      "1 left",
    ]);
  });

  it("is open to pages of any origin", async () => {
    const control = await serveControl();
    open.push(control);
    const reply = await post(`${control.url}/spawn`, {}, { origin: page });
    expect(reply.status).toBe(201);
    expect(reply.headers.get("access-control-allow-origin")).toBe(page);
  });
});
