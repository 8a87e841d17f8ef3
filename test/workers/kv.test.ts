/** KV alone: what it may be used for, its limits, and its failures. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createVault } from "../../src/index.ts";
import { cloudflareKvStore, type KvNamespace } from "../../src/stores/cloudflare-kv.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import type { Provider } from "../../src/types.ts";
import { headOf, record } from "../contracts/store.ts";
import { kvStore, ring } from "./kv-store.ts";
import { qovery } from "./static-api.ts";

const TEXT = { type: "text" } as const;

/** Remembers what KV was asked with. */
function watched(): { kv: KvNamespace; options: object[] } {
  const options: object[] = [];
  const { TOKEN_CACHE } = env;
  return {
    options,
    kv: {
      getWithMetadata(key, given) {
        options.push(given);
        return TOKEN_CACHE.getWithMetadata(key, given);
      },
      put(key, value, given) {
        options.push(given);
        return TOKEN_CACHE.put(key, value, given);
      },
      delete: (key) => TOKEN_CACHE.delete(key),
      list: (given) => TOKEN_CACHE.list(given),
    },
  };
}

describe("Workers KV as a store", () => {
  it("keeps a static token for every isolate", async () => {
    const store = encrypted(kvStore(), await ring());
    const provider = qovery("https://api.example.com");
    const open = () => createVault({ provider, store });
    await open().adopt({ accessToken: "a-static-token" });
    expect(await open().authorization()).toBe("Token a-static-token");
    await open().signOut();
    await expect(open().authorization()).rejects.toMatchObject({ code: "no_session" });
  });

  it("keeps a token that is minted again", async () => {
    let minted = 0;
    const grant = async () => ({
      type: "granted" as const,
      grant: { accessToken: `minted-${++minted}`, expiresIn: 3600, material: "user-1" },
    });
    const provider: Provider<string> = {
      name: "artos",
      origins: ["https://api.example.com"],
      renewal: { rotation: "none", needsRefreshToken: false },
      signIn: grant,
      renew: grant,
    };
    const store = encrypted(kvStore(), await ring());
    const open = (ahead = 0) =>
      createVault({
        provider,
        store,
        clock: {
          now: () => Date.now() + ahead,
          running: () => performance.now(),
          setTimeout: (task, ms) => setTimeout(task, ms),
          clearTimeout: (handle) => clearTimeout(handle as number),
        },
      });
    await open().signIn("user-1");
    expect(await open().getToken()).toBe("minted-1");
    expect(await open(3_600_000).getToken()).toBe("minted-2");
    expect(await open(3_600_000).getToken()).toBe("minted-2");
  });

  it("sealing without a key ring is refused: KV keeps no keys, and nothing is in the clear [S8]", async () => {
    const store = kvStore();
    await expect(encrypted(store).write("a", record(), undefined)).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect(await store.list("")).toEqual([]);
  });

  it("KV's limits: 30 s of caching, 60 s of life, 512 bytes of key, 1,024 bytes of metadata", async () => {
    const { kv, options } = watched();
    const store = cloudflareKvStore(kv, { cacheTtl: 1, expiresIn: 1 });
    const longest = { sessionId: "s".repeat(64), attemptId: "a".repeat(64) };
    const key = `limits-${"k".repeat(490)}`;
    await store.write(key, record({ ...longest, revision: Number.MAX_SAFE_INTEGER }), undefined);
    expect(options).toEqual([
      { type: "text", cacheTtl: 30 },
      { metadata: expect.anything(), expirationTtl: 60 },
    ]);
    expect(JSON.stringify(options[1]).length).toBeLessThan(1024);
    expect(await store.read(key)).toMatchObject(longest);
    for (const call of [
      store.read("k".repeat(503)),
      store.write("ü".repeat(252), record(), undefined),
    ])
      await expect(call).rejects.toMatchObject({ code: "invalid_option" });
  });

  it("a record of a newer format is left untouched and reads as unavailable", async () => {
    const store = kvStore();
    const metadata = { format: 2, sessionId: "s", revision: 1 };
    await env.TOKEN_CACHE.put(store.nameOf("a"), "{}", { metadata });
    for (const call of [store.read("a"), store.head("a"), store.write("a", record(), undefined)])
      await expect(call).rejects.toMatchObject({ code: "store_unavailable" });
    const { metadata: after } = await env.TOKEN_CACHE.getWithMetadata(store.nameOf("a"), TEXT);
    expect(after).toEqual(metadata);
  });

  it.each([null, "text", 7, [], {}, { format: 1 }, { format: 1, sessionId: 1, revision: 1 }])(
    "metadata that makes no sense: %o [S10]",
    async (metadata) => {
      const store = kvStore();
      await env.TOKEN_CACHE.put(store.nameOf("a"), "{}", { metadata });
      await expect(store.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
    },
  );

  it("what looks like sealed bytes in a credential stays what it was [F89]", async () => {
    const store = kvStore();
    const body = { material: { $bytes: "AAAA", $buffer: "AAAA", list: [{ $bytes: "AAAA" }] } };
    await store.write("a", record({ body }), undefined);
    expect((await store.read("a"))?.body).toEqual(body);
  });

  it("KV that never answers is unavailable in time, and nothing is put after that [F59]", async () => {
    let put = 0;
    let answer = (): void => {};
    const store = cloudflareKvStore(
      {
        getWithMetadata: () =>
          new Promise((resolve) => {
            answer = () => resolve({ value: null, metadata: null });
          }),
        put: async () => void put++,
        delete: () => new Promise(() => {}),
        list: () => new Promise(() => {}),
      },
      { timeout: 20 },
    );
    for (const call of [
      () => store.read("a"),
      () => store.head("a"),
      () => store.list(""),
      () => store.write("a", record(), undefined),
    ])
      await expect(call()).rejects.toMatchObject({ code: "store_unavailable" });
    answer();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(put).toBe(0);
  });

  it("a prefix keeps apart, and is bound into the seal [S20 F82]", async () => {
    const keys = await ring();
    const stores = { one: kvStore(), two: kvStore({ prefix: "two:" }) };
    expect([stores.one.namespace, stores.two.namespace]).toEqual(["tokenkeep:", "two:"]);
    await encrypted(stores.one, keys).write("a", record(), undefined);
    await stores.two.write("a", await stores.one.read("a"), undefined);
    expect({ ...(await encrypted(stores.two, keys).read("a")) }).toEqual(headOf(record()));
    expect(await encrypted(stores.one, keys).read("a")).toEqual(record());
  });

  it("a tombstone flag beside a session is no sign-out [S20 F82]", async () => {
    const store = kvStore();
    await store.write("a", record(), undefined);
    const { value } = await env.TOKEN_CACHE.getWithMetadata(store.nameOf("a"), TEXT);
    const metadata = { ...headOf(record()), tombstone: true };
    await env.TOKEN_CACHE.put(store.nameOf("a"), value!, { metadata });
    for (const found of [await store.read("a"), await store.head("a")])
      expect({ ...found }).toEqual(headOf(record()));
  });

  it("a value that is no JSON opens as nothing [S10]", async () => {
    const store = kvStore();
    const { body: _, ...metadata } = record();
    await env.TOKEN_CACHE.put(store.nameOf("a"), "{", { metadata });
    expect(await store.read("a")).toEqual(metadata);
  });

  it("KV that fails is not empty, and what it says is not passed on [P16 S4]", async () => {
    const fail = (): Promise<never> => Promise.reject(new Error("secret"));
    const kv = { getWithMetadata: fail, put: fail, delete: fail, list: fail };
    const store = cloudflareKvStore(kv);
    for (const call of [
      store.read("a"),
      store.head("a"),
      store.list(""),
      store.write("a", record(), undefined),
    ]) {
      const error = (await call.catch((reason: unknown) => reason)) as Error;
      expect(error).toMatchObject({ code: "store_unavailable" });
      expect(`${error.message} ${String(error.cause)}`).not.toContain("secret");
    }
  });
});
