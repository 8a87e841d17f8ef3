/** Sealing over memory, and with the application's own keys. */
import { describe, expect, it } from "vitest";
import { encrypted, keyring } from "../../../src/stores/encrypted.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord } from "../../../src/types.ts";
import { everything, sealingContract, watched } from "../../contracts/sealing.ts";
import { headOf, record, storeContract } from "../../contracts/store.ts";

sealingContract("memory", memoryStore);

const makeKey = (length = 256, name = "AES-GCM"): Promise<CryptoKey> =>
  crypto.subtle.generateKey({ name, length }, false, ["encrypt", "decrypt"]) as Promise<CryptoKey>;

const ring = keyring({ "key-1": await makeKey() });
storeContract("encrypted with a key ring", () => encrypted(memoryStore(), ring), {
  twins: () => {
    const inner = memoryStore();
    return [encrypted(inner, ring), encrypted(inner, ring)];
  },
});

it("S8 no IV comes twice in 1,000 writes", async () => {
  const inner = watched(memoryStore());
  for (const store of [encrypted(inner), encrypted(inner, ring)])
    for (let at = 0; at < 1000; at++)
      await store.write(`k${at}`, record(), await inner.head(`k${at}`));
  const ivs = inner.writes
    .map(([, next]) => (next as StoredRecord | undefined)?.body as { iv: Uint8Array } | undefined)
    .filter((body) => body !== undefined)
    .map(({ iv }) => iv.join());
  expect(ivs.length).toBeGreaterThanOrEqual(2000);
  expect(new Set(ivs).size).toBe(ivs.length);
});

it("S8 the format is bound: a body does not pass for one of another format", async () => {
  const inner = memoryStore();
  await encrypted(inner).write("a", record(), undefined);
  const before = (await inner.read("a"))!;
  await inner.write("a", { ...before, format: 2 as 1 }, before);
  expect((await encrypted(inner).read("a"))?.body).toBeUndefined();
});

describe("key ring", () => {
  it("S8 writes with the last key listed, opens with all", async () => {
    const inner = memoryStore();
    const [one, two] = [await makeKey(), await makeKey()];
    const old = encrypted(inner, keyring({ "key-1": one }));
    const both = encrypted(inner, keyring({ "key-1": one, "key-2": two }));
    const alone = encrypted(inner, keyring({ "key-2": two }));
    await old.write("a", record(), undefined);
    expect((await inner.read("a"))?.body).toMatchObject({ kid: "key-1" });
    expect(await both.read("a")).toEqual(record());
    await both.write("a", record({ revision: 2 }), headOf(record()));
    expect((await inner.read("a"))?.body).toMatchObject({ kid: "key-2" });
    expect(await alone.read("a")).toEqual(record({ revision: 2 }));
  });

  it("S8 no key, no sample and no secret reaches the store", async () => {
    const inner = watched(memoryStore());
    await encrypted(inner, ring).write("a", record(), undefined);
    expect(inner.writes.map(([key]) => key)).toEqual(["a"]);
    expect((inner.writes[0]![1] as { body: { key: unknown } }).body.key).toBeUndefined();
    expect(everything(inner.writes)).not.toMatch(/access-1|refresh-1|tokenSet/);
  });

  it("S8 an unknown key id is unavailable and left untouched; who has its head may replace it", async () => {
    const inner = memoryStore();
    await encrypted(inner, ring).write("a", record(), undefined);
    const before = await inner.read("a");
    const store = encrypted(inner, keyring({ "key-2": await makeKey() }));
    await expect(store.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await store.write("a", record({ revision: 2 }), undefined)).toBe(false);
    expect(await inner.read("a")).toBe(before);
    const next = record({ sessionId: "session-2", revision: 2 });
    expect(await store.write("a", next, await store.head("a"))).toBe(true);
    expect(await store.read("a")).toEqual(next);
  });

  it("S8 another id's key does not open, nor does a key that stands in the record", async () => {
    const inner = memoryStore();
    const store = encrypted(inner, keyring({ "key-1": await makeKey(), "key-2": await makeKey() }));
    await store.write("a", record(), undefined);
    const before = (await inner.read("a"))!;
    await inner.write(
      "a",
      { ...before, body: { ...(before.body as object), kid: "key-1" } },
      before,
    );
    expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
    // Forged by the default mode, which takes the record's own key.
    await inner.write("a", undefined, before);
    await encrypted(inner).write("a", record(), undefined);
    expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
    for (const kid of [1, null, {}, ["key-1"]]) {
      const now = (await inner.read("a"))!;
      await inner.write("a", { ...now, body: { ...(now.body as object), kid } }, now);
      expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
    }
  });

  it("S10 key ids are only names", async () => {
    const inner = memoryStore();
    const store = encrypted(inner, ring);
    await store.write("a", record(), undefined);
    for (const kid of ["__proto__", "constructor", "", "key-1 "]) {
      const now = (await inner.read("a"))!;
      await inner.write("a", { ...now, body: { ...(now.body as object), kid } }, now);
      await expect(store.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
    }
  });

  it("S10 S15 a key id that only a polluted Object.prototype has is none", async () => {
    const inner = memoryStore();
    const store = encrypted(inner, ring);
    await store.write("a", record(), undefined);
    const before = (await inner.read("a"))!;
    const { kid: _, ...body } = before.body as { kid: string };
    await inner.write("a", { ...before, body }, before);
    const polluted = Object.prototype as Record<string, unknown>;
    polluted["kid"] = "key-1";
    let read;
    try {
      read = await store.read("a");
    } finally {
      delete polluted["kid"];
    }
    expect({ ...read }).toEqual(headOf(record()));
  });

  it("S8 takes keys as text: the same bytes open what another ring of them has sealed", async () => {
    const inner = memoryStore();
    const bytes = crypto.getRandomValues(new Uint8Array(32)).fill(0xfb, 0, 8);
    const text = Buffer.from(bytes).toString("base64");
    const url = Buffer.from(bytes).toString("base64url");
    const other = Buffer.alloc(32, "other").toString("base64");
    await encrypted(inner, keyring(`k1:${text}`)).write("a", record(), undefined);
    const uses: KeyUsage[] = ["encrypt", "decrypt"];
    const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, uses);
    for (const same of [`k1:${text}`, `k1:${url}`, ` k1:${url}= ,k2:${other}\n`, { k1: key }])
      expect(await encrypted(inner, keyring(same)).read("a")).toEqual(record());
    expect(keyring(`k1:${text},k2:${other}`).kid).toBe("k2");
    const read = await encrypted(inner, keyring(`k1:${other}`)).read("a");
    expect({ ...read }).toEqual(headOf(record()));
  });

  it("S4 a malformed key is told at once, by its place, and never shown", () => {
    const text = Buffer.alloc(32, "secret").toString("base64");
    for (const wrong of [
      "",
      text,
      `k2:${text.slice(1)}`,
      `k2:A${text}`,
      `k2:${text}=`,
      `k2: ${text}`,
      `k 2:${text}`,
      `k2:${text.replace("V", "!")}`,
    ])
      expect(() => keyring(`k1:${text},${wrong}`)).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching(
            /^Key 2 is not <id>:<32 bytes in base64>\. Make one: .*openssl/,
          ),
        }),
      );
    expect(() => keyring("")).toThrow("Key 1 is not");
    expect(() => keyring(`7:${text}`)).toThrow("Put a letter");
    expect(() => keyring(`k1:${text},k1:${text}`)).toThrow("Two keys have the same id");
  });

  it("refuses no key, another kind of key, and ids whose order is lost", async () => {
    const key = await makeKey();
    const other = [await makeKey(128), await makeKey(256, "AES-CBC"), undefined as never];
    const invalid = expect.objectContaining({ code: "invalid_option" });
    expect(() => keyring({})).toThrow(invalid);
    for (const wrong of other) expect(() => keyring({ "key-1": wrong })).toThrow(invalid);
    expect(() => keyring({ b: key, 1: key })).toThrow(invalid);
  });
});
