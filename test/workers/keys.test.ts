/** The keys that seal sessions: rotated in mid-life, unknown, missing, malformed. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/cloudflare/wire.ts";
import {
  counted,
  credentials,
  eventually,
  otherEnv,
  otherNamespace,
  type Stage,
  stage,
} from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";

const k1 = env.TOKENKEEP_KEYS;
const k2 = `k2:${btoa("abcdefghijklmnopqrstuvwxyz012345")}`;

/** Which key the stored session is sealed with. */
async function sealedWith({ stub, provider }: Stage): Promise<unknown> {
  const name = "tokenkeep:" + keyOf(providers[provider]!, "default");
  return runInDurableObject(await stub(), (_, { storage }) => {
    const record = storage.kv.get(name) as { body: { kid: unknown } };
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    return record.body.kid;
  });
}

/** What the object itself answers that went wrong. */
async function askedOf({ stub, provider }: Stage): Promise<{ code: string; message: string }> {
  const owner = (await stub()) as unknown as {
    token(call: object, need: object): Promise<{ error: { code: string; message: string } }>;
  };
  const key = keyOf(providers[provider]!, "default");
  return (await owner.token({ provider, account: "default", key }, {})).error;
}

/** As after a deploy with other secrets. */
async function deploy(one: Stage, keys: typeof hooks.keys): Promise<void> {
  await evictDurableObject(await one.stub());
  hooks.keys = keys;
}

describe("key ring [S8]", () => {
  it("rotated in mid-life: old records open, are sealed anew, and the old key may go", async () => {
    const one = await stage();
    await one.vault().signIn(credentials);
    expect(await sealedWith(one)).toBe("k1");
    await deploy(one, `${k1}, ${k2}`);
    expect((await one.elsewhere().fetch(one.echo)).status).toBe(200);
    await eventually(async () => (await sealedWith(one)) === "k2");
    await deploy(one, k2);
    expect((await one.elsewhere().fetch(one.echo)).status).toBe(200);
    await one.api.expireAccessTokens();
    expect((await one.elsewhere().fetch(one.echo)).status).toBe(200);
    expect(await one.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1 });
  });

  it("an unknown key id is not 'signed out': nothing is lost, nothing is sent", async () => {
    const one = await stage();
    await one.vault().signIn(credentials);
    await deploy(one, k2);
    const error = { code: "store_unavailable" };
    await expect(one.elsewhere().fetch(one.echo)).rejects.toMatchObject(error);
    expect((await one.elsewhere().state()).status).toBe("unavailable");
    await deploy(one, `${k2},${k1}`);
    expect((await one.elsewhere().fetch(one.echo)).status).toBe(200);
    expect(await one.api.counters()).toMatchObject({ tokenCalls: 0 });
  });

  it("an isolate of an older deploy, which cannot open what KV has, asks the object", async () => {
    const one = await stage();
    hooks.keys = `${k1},${k2}`;
    await one.vault().signIn(credentials);
    hooks.keys = k1;
    expect((await one.elsewhere().fetch(one.echo)).status).toBe(200);
  });

  it("the same id with another key reads as no session, and is told", async () => {
    const one = await stage();
    await one.vault().signIn(credentials);
    await deploy(one, k2.replace("k2", "k1"));
    const types: string[] = [];
    hooks.onEvent = ({ type }) => types.push(type);
    await expect(one.elsewhere().fetch(one.echo)).rejects.toMatchObject({ code: "no_session" });
    await eventually(() => types.includes("unreadable"));
  });
});

describe("keys that have to be fetched [F99]", () => {
  it("by a function: a promise of the text, or of a Secrets Store binding", async () => {
    const one = await stage();
    hooks.keys = Promise.resolve(k1);
    await one.vault().signIn(credentials);
    expect(await sealedWith(one)).toBe("k1");
    const secret = { get: async () => k1 };
    // Without KV, so that each has the object open its record. The last are the secret's own keys.
    for (const given of [secret, Promise.resolve(secret), undefined]) {
      await deploy(one, given);
      const bare = { ...otherEnv(), TOKEN_CACHE: undefined };
      expect((await one.elsewhere({ env: bare }).fetch(one.echo)).status).toBe(200);
    }
    expect(await one.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });

  it("a Secrets Store binding by its name, another's than the default too", async () => {
    const one = await stage();
    const own = { provider: one.provider, providers, cache: "TOKEN_CACHE" };
    await one.vault().signIn(credentials);
    await one.cached();
    let read = 0;
    const secret = {
      async get() {
        read++;
        return k1;
      },
    };
    // The object is not asked: what KV has opens with these keys.
    const { binding, calls } = counted(env.TOKEN_VAULT);
    const isolate = () => ({ ...env, TOKEN_VAULT: otherNamespace(binding) });
    await one.elsewhere({ env: { ...isolate(), TOKENKEEP_KEYS: secret }, ...own }).getToken();
    await one
      .elsewhere({ env: { ...isolate(), OTHER_KEYS: secret }, ...own, keys: "OTHER_KEYS" })
      .getToken();
    expect(read).toBe(2);
    expect(calls["get"]).toBeUndefined();
    expect(() => one.elsewhere({ ...own, keys: "MISSING_KEYS" })).toThrow("no keys to seal");
  });

  it("a Secrets Store that is out of reach signs nobody out, and its words are kept in [S4 P16]", async () => {
    const one = await stage();
    await one.vault().signIn(credentials);
    await deploy(one, { get: () => Promise.reject(new Error("the secret is k1:abc")) });
    const error = (await one
      .elsewhere({ env: { ...otherEnv(), TOKEN_CACHE: undefined } })
      .fetch(one.echo)
      .catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(`${error.message} ${String(error.cause)}`).not.toContain("k1:abc");
    await deploy(one, undefined);
    expect((await one.elsewhere().fetch(one.echo)).status).toBe(200);
    expect(await one.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });

  it.each<[string, () => string]>([
    ["no text", () => ""],
    ["malformed", () => `k1:${SECRET}`],
  ])("%s: the first call says so, and both ways to give one", async (_, get) => {
    const one = await stage();
    hooks.keys = { get: async () => get() };
    const error = (await one
      .vault()
      .signIn(credentials)
      .catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: "invalid_option" });
    for (const part of [".dev.vars", "npx wrangler secret put", "secrets_store_secrets"])
      expect(error.message).toContain(part);
    expect(error.message).not.toContain(SECRET);
  });
});

const SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0";

it("a test's object is its own, though its server has the port of an earlier one", async () => {
  const earlier = await stage();
  await expect(earlier.vault().getToken()).rejects.toMatchObject({ code: "no_session" });
  const later = await stage();
  const { origins } = providers[earlier.provider]!;
  providers[later.provider] = { ...providers[later.provider]!, origins };
  expect(String((await later.stub()).id)).not.toBe(String((await earlier.stub()).id));
  hooks.keys = `${k1},`;
  expect(await askedOf(later)).toMatchObject({ code: "invalid_option" });
});

describe("missing or malformed keys", () => {
  it.each([
    ["none", ""],
    ["only spaces", "  "],
    ["no id", SECRET],
    ["a number as id", `1:${btoa("0123456789abcdef0123456789abcdef")}`],
    ["too short", `k1:${SECRET}`],
    ["not base64", `k1:${SECRET}!`],
    ["a hexadecimal one", `k1:${"0f".repeat(32)}`],
    ["the second of two", `${k1},k2:${SECRET}`],
    ["a comma at the end", `${k1},`],
    ["an id that two have", `${k1},${k2.replace("k2", "k1")}`],
  ])(
    "%s: a typed error at the start, that says which line of which file to add",
    async (_, keys) => {
      const one = await stage();
      const { vault } = one;
      hooks.keys = keys;
      const error = (await (async () => vault({ env: otherEnv() }))().catch(
        (reason: unknown) => reason,
      )) as Error;
      expect(error).toMatchObject({ code: "invalid_option" });
      expect(error.message).toContain(".dev.vars");
      expect(error.message).toContain('TOKENKEEP_KEYS="k1:');
      expect(error.message).toContain("npx wrangler secret put TOKENKEEP_KEYS");
      expect(error.message).toContain('"binding": "TOKENKEEP_KEYS", "store_id"');
      expect(error.message).not.toContain(SECRET);
      // The object, in a Worker of its own, says the same.
      expect(await askedOf(one)).toMatchObject({
        code: "invalid_option",
        message: error.message,
      });
    },
  );
});
