/** Memory, then KV, then the object: who is asked when, and what a late KV cannot do. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/cloudflare/wire.ts";
import type { KvNamespace } from "../../src/stores/cloudflare-kv.ts";
import {
  counted,
  credentials,
  eventually,
  HOUR,
  laggingKv,
  type Stage,
  stage,
} from "./strict-vmcloud.ts";
import { clock, hooks, providers } from "./tested-worker.ts";

const KV_OPTIONS = { type: "text" } as const;

/** Where this account's token stands in KV: under its object's own id. */
const nameOf = async ({ stub }: Stage): Promise<string> =>
  `tokenkeep:cache:${String((await stub()).id)}`;

/** Signed in, and KV has the token. */
async function published(): Promise<Stage & { name: string }> {
  const one = await stage();
  await one.vault().signIn(credentials);
  const name = await nameOf(one);
  await eventually(async () => (await env.TOKEN_CACHE.getWithMetadata(name, KV_OPTIONS)).value);
  return { ...one, name };
}

/** An isolate of its own, whose use of the bindings is counted. */
function isolate(kv: KvNamespace = env.TOKEN_CACHE) {
  const cache = counted(kv);
  const object = counted(env.TOKEN_VAULT);
  return {
    env: { ...env, TOKEN_CACHE: cache.binding, TOKEN_VAULT: object.binding },
    /** Reads of KV, and questions to the object. */
    asked: () => [cache.calls["getWithMetadata"] ?? 0, object.calls["get"] ?? 0],
  };
}

const silent: KvNamespace = {
  getWithMetadata: () => new Promise(() => {}),
  put: () => new Promise(() => {}),
  delete: () => new Promise(() => {}),
  list: () => new Promise(() => {}),
};
const broken: KvNamespace = {
  getWithMetadata: () => Promise.reject(new Error("KV is down")),
  put: () => Promise.reject(new Error("KV is down")),
  delete: () => Promise.reject(new Error("KV is down")),
  list: () => Promise.reject(new Error("KV is down")),
};

describe("who is asked", () => {
  it("a cold isolate asks KV, and a warm one nobody", async () => {
    const { vault, echo } = await published();
    const { env, asked } = isolate();
    expect((await vault({ env }).fetch(echo)).status).toBe(200);
    expect(asked()).toEqual([1, 0]);
    for (let call = 0; call < 10; call++) await vault({ env }).fetch(echo);
    expect(asked()).toEqual([1, 0]);
  });

  it("without KV the object is asked, once per isolate", async () => {
    const { vault, echo } = await published();
    const { env, asked } = isolate();
    const bare = { ...env, TOKEN_CACHE: undefined };
    for (let call = 0; call < 10; call++) await vault({ env: bare }).fetch(echo);
    expect(asked()).toEqual([0, 1]);
  });

  it("after half of maxStaleness a token is served while it is looked up in the background", async () => {
    const { vault, echo, settled } = await published();
    const { env, asked } = isolate();
    await vault({ env }).fetch(echo);
    hooks.ahead = 31_000;
    await Promise.all([1, 2, 3].map(() => vault({ env }).fetch(echo)));
    await settled();
    expect(asked()).toEqual([2, 0]);
    await vault({ env }).fetch(echo);
    expect(asked()).toEqual([2, 0]);
  });

  it("past maxStaleness nothing is served unasked", async () => {
    const { vault, echo } = await published();
    const { env, asked } = isolate();
    await vault({ env }).fetch(echo);
    hooks.ahead = 61_000;
    await vault({ env }).fetch(echo);
    expect(asked()).toEqual([2, 0]);
  });

  it("a clock that was set back makes nothing last longer [P15]", async () => {
    const { vault, echo } = await published();
    const { env, asked } = isolate();
    await vault({ env }).fetch(echo);
    hooks.ahead = -HOUR;
    await vault({ env }).fetch(echo);
    expect(asked()[0]! + asked()[1]!).toBeGreaterThan(1);
  });

  it.each([
    ["is silent", silent],
    ["fails", broken],
  ])("where KV %s, the object is asked [P10]", async (_, kv) => {
    const { vault, echo } = await published();
    const { env, asked } = isolate(kv);
    // No waiting for a second: the timers of this isolate fire at once.
    const quick = {
      ...clock,
      setTimeout: (task: () => void, ms: number) => clock.setTimeout(task, ms > 1_000 ? ms : 0),
    };
    expect((await vault({ env, clock: quick }).fetch(echo)).status).toBe(200);
    expect(asked()).toEqual([1, 1]);
  });

  it("a 401 asks the object itself, and the old token is not served in between", async () => {
    const { api, vault, echo } = await published();
    const { env, asked } = isolate();
    await vault({ env }).fetch(echo);
    await api.expireAccessTokens();
    expect((await vault({ env }).fetch(echo)).status).toBe(200);
    expect(asked()).toEqual([1, 1]);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, unauthorized: 1 });
  });

  it("while a 401 is being healed, nobody in the isolate sends that token again [P12]", async () => {
    const { api, vault, echo } = await published();
    const { env } = isolate();
    await vault({ env }).fetch(echo);
    await api.expireAccessTokens();
    const gate = await api.gate("refresh", "before");
    const first = vault({ env }).fetch(echo);
    await gate.arrived;
    const others = [1, 2, 3].map(() => vault({ env }).fetch(echo));
    await gate.release();
    const responses = await Promise.all([first, ...others]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, unauthorized: 1 });
  });
});

describe("what KV holds", () => {
  it("no token in the clear, neither there nor in the object's storage [S8]", async () => {
    const { api, vault, name, stub } = await published();
    const token = await vault().getToken();
    const { value, metadata } = await env.TOKEN_CACHE.getWithMetadata(name, KV_OPTIONS);
    const stored = await runInDurableObject(await stub(), (_, { storage }) =>
      [...storage.kv.list({ prefix: "" })].map(([key, value]) => [key, dump(value)]),
    );
    const all = JSON.stringify([value, metadata, stored]);
    expect(all.length).toBeGreaterThan(500);
    const [, claims = ""] = token.split(".");
    for (const secret of [token, claims, "rft_", credentials.password, "accessToken"]) {
      expect(all).not.toContain(secret);
      expect(all).not.toContain(btoa(secret).slice(0, -4));
    }
    expect(JSON.stringify(metadata)).not.toContain("default");
    expect(metadata).toMatchObject({
      generation: 1,
      revision: expect.any(Number),
      until: expect.any(Number),
    });
    const left = (metadata as { until: number }).until - Date.now();
    expect(left).toBeGreaterThan(290_000);
    expect(left).toBeLessThanOrEqual(300_000);
    expect(name.length).toBeLessThan(512);
    expect(JSON.stringify(metadata).length).toBeLessThan(1024);
    expect((await api.counters()).signIns).toBe(1);
  });

  it("the refresh token never leaves the object", async () => {
    const { stub, provider } = await published();
    const key = keyOf(providers[provider]!, "default");
    const owner = (await stub()) as unknown as Record<string, (...args: unknown[]) => unknown>;
    const call = { provider, account: "default", key };
    const said = await Promise.all([owner["token"]!(call, {}), owner["state"]!(call)]);
    expect(JSON.stringify(said)).not.toMatch(/rft_|refreshToken/);
    expect(JSON.stringify(said)).toContain("accessToken");
  });

  it("a token that was tampered with, or moved to another account, is none [S8]", async () => {
    const one = await published();
    const other = await stage();
    await other.vault().signIn(credentials);
    const { value, metadata } = await env.TOKEN_CACHE.getWithMetadata(one.name, KV_OPTIONS);
    await env.TOKEN_CACHE.put(await nameOf(other), value!, { metadata });
    const { env: own, asked } = isolate();
    expect((await other.vault({ env: own }).fetch(other.echo)).status).toBe(200);
    expect(asked()).toEqual([1, 1]);
  });

  it("an older generation is not accepted by who knows a newer one [F33]", async () => {
    const { vault, echo, api, stub } = await published();
    const late = laggingKv(env.TOKEN_CACHE);
    const { env: own, asked } = isolate(late);
    await vault({ env: own }).fetch(echo);
    hooks.ahead = 20 * HOUR;
    await runDurableObjectAlarm(await stub());
    // Past `until` of what KV had: the object is asked, and says generation 2.
    await vault({ env: own }).fetch(echo);
    expect(asked()[1]).toBe(1);
    const newer = await vault({ env: own }).getToken();
    // Now KV speaks of generation 1 again, as if it were fresh.
    hooks.ahead = 0;
    await vault({ env: own }).fetch(echo);
    expect(await vault({ env: own }).getToken()).toBe(newer);
    expect(asked()[1]).toBe(2);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1 });
  });

  it("a cached nothing is not 'signed out' [F33]", async () => {
    const one = await stage();
    const late = laggingKv(env.TOKEN_CACHE);
    const { env: own } = isolate(late);
    await expect(one.vault({ env: own }).fetch(one.echo)).rejects.toMatchObject({
      code: "no_session",
    });
    await one.vault().signIn(credentials);
    expect((await one.vault({ env: own }).fetch(one.echo)).status).toBe(200);
  });
});

describe("after a sign-out", () => {
  it("the isolate that signed out serves nothing more, whatever KV says [P4]", async () => {
    const { vault, echo } = await published();
    const { env: own } = isolate(laggingKv(env.TOKEN_CACHE));
    await vault({ env: own }).fetch(echo);
    await vault({ env: own }).signOut();
    await expect(vault({ env: own }).fetch(echo)).rejects.toMatchObject({ code: "no_session" });
  });

  it("another isolate serves for maxStaleness at most where KV is up to date [P4]", async () => {
    const { vault, elsewhere, echo, name } = await published();
    const { env: own } = isolate();
    await vault({ env: own }).fetch(echo);
    await elsewhere().signOut();
    await eventually(async () => !(await env.TOKEN_CACHE.getWithMetadata(name, KV_OPTIONS)).value);
    hooks.ahead = 15_000;
    expect((await vault({ env: own }).fetch(echo)).status).toBe(200);
    hooks.ahead = 60_001;
    await expect(vault({ env: own }).fetch(echo)).rejects.toMatchObject({ code: "no_session" });
  });

  it("and for KV's delay on top where KV is late [P4]", async () => {
    const { vault, elsewhere, echo, name } = await published();
    const late = laggingKv(env.TOKEN_CACHE);
    const { env: own } = isolate(late);
    await vault({ env: own }).fetch(echo);
    await elsewhere().signOut();
    await eventually(async () => !(await env.TOKEN_CACHE.getWithMetadata(name, KV_OPTIONS)).value);
    hooks.ahead = 61_000;
    expect((await vault({ env: own }).fetch(echo)).status).toBe(200);
    // KV tells at last: within maxStaleness the token is gone.
    late.thaw();
    hooks.ahead = 122_000;
    await expect(vault({ env: own }).fetch(echo)).rejects.toMatchObject({ code: "no_session" });
  });

  it("a KV that never tells of it is believed no longer than its entry says [P4]", async () => {
    const { vault, elsewhere, echo } = await published();
    const { env: own } = isolate(laggingKv(env.TOKEN_CACHE));
    await vault({ env: own }).fetch(echo);
    await elsewhere().signOut();
    hooks.ahead = 301_000;
    await expect(vault({ env: own }).fetch(echo)).rejects.toMatchObject({ code: "no_session" });
  });

  it("a new sign-in is heard, and the old session's token in a late KV is not taken for it [P4 S14]", async () => {
    const { vault, elsewhere, echo, api } = await published();
    const late = laggingKv(env.TOKEN_CACHE);
    const { env: own } = isolate(late);
    const first = await vault({ env: own }).getToken();
    await elsewhere().signOut();
    await elsewhere().signIn(credentials);
    await api.expireAccessTokens();
    const { env: other } = isolate(late);
    await vault({ env: other }).signIn(credentials);
    const second = await vault({ env: other }).getToken();
    expect(second).not.toBe(first);
    hooks.ahead = 61_000;
    expect(await vault({ env: other }).getToken()).toBe(second);
    expect((await vault({ env: other }).fetch(echo)).status).toBe(200);
  });
});

/** A value of the object's storage as text, bytes as their characters too. */
function dump(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    const bytes =
      part instanceof ArrayBuffer ? new Uint8Array(part) : part instanceof Uint8Array ? part : null;
    return bytes ? [btoa(String.fromCharCode(...bytes)), String.fromCharCode(...bytes)] : part;
  });
}
