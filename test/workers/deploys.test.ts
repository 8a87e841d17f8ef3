/** What a deploy may lack for a while: a key, a provider, a provider's name. Nothing is lost by it. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  credentials,
  eventually,
  grantOf,
  HOUR,
  type Stage,
  stage,
  type Stub,
} from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";

const k1 = env.TOKENKEEP_KEYS;
const k2 = `k2:${btoa("abcdefghijklmnopqrstuvwxyz012345")}`;

const alarmOf = (stub: Stub): Promise<number | null> =>
  runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

describe("a session whose key a deploy lacks [F94 P16]", () => {
  async function rotated(): Promise<Stage & { tokens: object; object: Stub }> {
    const one = await stage();
    const tokens = await grantOf(one);
    await one.vault().adopt(tokens, { unlessSignedIn: true });
    hooks.ahead = HOUR;
    await one.api.expireAccessTokens();
    expect((await one.vault().fetch(one.echo)).status).toBe(200);
    expect(await one.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1 });
    const object = await one.stub();
    await evictDurableObject(object);
    hooks.keys = k2;
    return { ...one, tokens, object };
  }

  it.each<[string, (made: Awaited<ReturnType<typeof rotated>>) => Promise<void>]>([
    [
      "adopt",
      ({ elsewhere, tokens }) => elsewhere().adopt(tokens as never, { unlessSignedIn: true }),
    ],
    ["signIn", ({ elsewhere }) => elsewhere().signIn(credentials, { unlessSignedIn: true })],
  ])(
    "is a session: %s unless signed in says store_unavailable, sends nothing",
    async (_, again) => {
      const made = await rotated();
      const { api, elsewhere, object } = made;
      await expect(again(made)).rejects.toMatchObject({ code: "store_unavailable" });
      await expect(elsewhere().getToken()).rejects.toMatchObject({ code: "store_unavailable" });
      await evictDurableObject(object);
      hooks.keys = `${k2},${k1}`;
      expect((await elsewhere().fetch(made.echo)).status).toBe(200);
      await again(made);
      expect(await elsewhere().state()).toMatchObject({ status: "signed-in", generation: 2 });
      expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
    },
  );
});

describe("an account whose provider a deploy", () => {
  async function idle(): Promise<Stage & { object: Stub }> {
    const one = await stage();
    await one.vault().signIn(credentials);
    const object = await one.stub();
    await eventually(() => alarmOf(object));
    return { ...one, object };
  }

  it("drops is looked at each hour, and goes on refreshing ahead when it is back [F96]", async () => {
    const { api, provider, object, elsewhere } = await idle();
    const kept = providers[provider]!;
    await evictDurableObject(object);
    delete providers[provider];
    hooks.ahead = 20 * HOUR;
    for (let hour = 0; hour < 10; hour++) {
      await runDurableObjectAlarm(object);
      const wait = (await alarmOf(object))! - Date.now();
      expect(wait).toBeGreaterThan(HOUR - 60_000);
      expect(wait).toBeLessThanOrEqual(HOUR + 1_000);
    }
    expect(await api.counters()).toMatchObject({ tokenCalls: 0 });
    await evictDurableObject(object);
    providers[provider] = kept;
    await runDurableObjectAlarm(object);
    await eventually(async () => (await alarmOf(object))! - Date.now() > 17 * HOUR);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1 });
    expect(await elsewhere().state()).toMatchObject({ generation: 2 });
  });

  it("renames is found by what it is, though nobody calls [F96]", async () => {
    const { api, provider, object } = await idle();
    await evictDurableObject(object);
    providers[`${provider}-renamed`] = providers[provider]!;
    delete providers[provider];
    hooks.ahead = 20 * HOUR;
    await runDurableObjectAlarm(object);
    await eventually(async () => (await alarmOf(object))! - Date.now() > 17 * HOUR);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1 });
  });

  it("renames is written down under its new name with the next call [F96]", async () => {
    const { provider, object, elsewhere, echo } = await idle();
    await evictDurableObject(object);
    const renamed = `${provider}-renamed`;
    providers[renamed] = providers[provider]!;
    delete providers[provider];
    const bare = { ...env, TOKEN_CACHE: undefined };
    expect((await elsewhere({ provider: renamed, env: bare }).fetch(echo)).status).toBe(200);
    const deed = await runInDurableObject(object, (_, { storage }) =>
      storage.kv.get("tokenkeep-deed"),
    );
    expect(deed).toMatchObject({ provider: renamed });
  });
});
