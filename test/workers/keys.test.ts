/** The keys that seal sessions: rotated in mid-life, unknown, missing, malformed. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/cloudflare/wire.ts";
import { credentials, eventually, type Stage, stage } from "./stage.ts";
import { hooks, providers } from "./worker.ts";

const k1 = env.TOKENKEEP_KEYS;
const k2 = `k2:${btoa("abcdefghijklmnopqrstuvwxyz012345")}`;

/** Which key the stored session is sealed with. */
async function sealedWith({ stub, provider }: Stage): Promise<unknown> {
  const name = "tokenkeep:" + keyOf(providers[provider]!, "default");
  return runInDurableObject(await stub(), (_, { storage }) => {
    const record = storage.kv.get(name) as { body: { kid: unknown } };
    return record.body.kid;
  });
}

/** As after a deploy with other secrets. */
async function deploy(one: Stage, keys: string): Promise<void> {
  await evictDurableObject(await one.stub());
  hooks.keys = keys;
}

describe("S8 key ring", () => {
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

const SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0";

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
      const { vault, provider, stub } = await stage();
      hooks.keys = keys;
      const error = (await (async () => vault({ env: { ...env } }))().catch(
        (reason: unknown) => reason,
      )) as Error;
      expect(error).toMatchObject({ code: "invalid_option" });
      expect(error.message).toContain(".dev.vars");
      expect(error.message).toContain('TOKENKEEP_KEYS="k1:');
      expect(error.message).toContain("npx wrangler secret put TOKENKEEP_KEYS");
      expect(error.message).not.toContain(SECRET);
      // The object, in a Worker of its own, says the same.
      const key = keyOf(providers[provider]!, "default");
      const owner = (await stub()) as unknown as {
        token(call: object, need: object): Promise<{ error: { code: string; message: string } }>;
      };
      const answer = await owner.token({ provider, account: "default", key }, {});
      expect(answer.error).toMatchObject({ code: "invalid_option", message: error.message });
    },
  );
});
