/** Keys that the application gives: which one seals, which one opens, and how long one is used. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { encrypted, keyring } from "../../../src/stores/encrypted.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { bytesOf, everything, jsonStore, watched } from "../../contracts/sealing/sealing-stage.ts";
import { headOf, record } from "../../contracts/store.ts";

interface Sealed {
  readonly kid: string;
  readonly salt: string;
  readonly iv: string;
  readonly data: string;
}

const keyText = (id: string, word: string): string =>
  `${id}:${Buffer.alloc(32, word).toString("base64")}`;
const importKey = (bytes: BufferSource): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
const makeKey = (): Promise<CryptoKey> => importKey(crypto.getRandomValues(new Uint8Array(32)));

const K1 = keyText("key-1", "one");
const K2 = keyText("key-2", "two");
const ring = keyring(K1);
const unavailable = { code: "store_unavailable" };

const sealedAt = async (store: TokenStore, key = "a"): Promise<Sealed> =>
  (await store.read(key))!.body as Sealed;

async function tamper(store: TokenStore, change: Partial<Sealed>): Promise<void> {
  const now = (await store.read("a"))!;
  const body = { ...(now.body as Sealed), ...change };
  expect(await store.write("a", { ...now, body }, now)).toBe(true);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("which key", () => {
  it("writes with the last key listed, opens with all [S8]", async () => {
    const inner = jsonStore();
    const old = encrypted(inner, keyring(K1));
    const both = encrypted(inner, keyring(`${K1},${K2}`));
    const alone = encrypted(inner, keyring(K2));
    await old.write("a", record(), undefined);
    expect(await sealedAt(inner)).toMatchObject({ kid: "key-1" });
    expect(await both.read("a")).toEqual(record());
    await both.write("a", record({ revision: 2 }), headOf(record()));
    expect(await sealedAt(inner)).toMatchObject({ kid: "key-2" });
    expect(await alone.read("a")).toEqual(record({ revision: 2 }));
    expect(await keyring(`${K1},${K2}`).newest()).toBe("key-2");
  });

  it("no key, no sample and no secret reaches the store, and what does is JSON [S8 F89]", async () => {
    const inner = watched(memoryStore());
    await encrypted(inner, ring).write("a", record(), undefined);
    expect(inner.writes.map(([key]) => key)).toEqual(["a"]);
    const [[, written]] = inner.writes as [[string, StoredRecord]];
    expect(written).toEqual(JSON.parse(JSON.stringify(written)));
    expect(written.body).toEqual({
      kid: "key-1",
      salt: expect.any(String),
      iv: expect.any(String),
      data: expect.any(String),
    });
    expect(everything(inner.writes)).not.toMatch(/access-1|refresh-1|tokenSet/);
  });

  it("an unknown key id is unavailable and left untouched; who has its head may replace it [S8]", async () => {
    const inner = memoryStore();
    await encrypted(inner, ring).write("a", record(), undefined);
    const before = await inner.read("a");
    const store = encrypted(inner, keyring(K2));
    await expect(store.read("a")).rejects.toMatchObject(unavailable);
    expect(await store.write("a", record({ revision: 2 }), undefined)).toBe(false);
    expect(await inner.read("a")).toBe(before);
    const next = record({ sessionId: "session-2", revision: 2 });
    expect(await store.write("a", next, await store.head("a"))).toBe(true);
    expect(await store.read("a")).toEqual(next);
  });

  it("another id's key does not open, nor does a key that stands in the record [S8]", async () => {
    const inner = memoryStore();
    const store = encrypted(inner, keyring(`${K1},${K2}`));
    await store.write("a", record(), undefined);
    await tamper(inner, { kid: "key-1" });
    expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
    // Forged by the default mode, which takes the record's own key.
    await inner.write("a", undefined, record());
    await encrypted(inner).write("a", record(), undefined);
    expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
  });

  it.each([1, null, {}, ["key-1"], undefined])("the key id %o is none [S8 S10]", async (kid) => {
    const inner = memoryStore();
    const store = encrypted(inner, ring);
    await store.write("a", record(), undefined);
    await tamper(inner, { kid: kid as never });
    expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
  });

  it("key ids are only names [S10]", async () => {
    const inner = memoryStore();
    const store = encrypted(inner, ring);
    await store.write("a", record(), undefined);
    for (const kid of ["__proto__", "constructor", "", "key-1 "]) {
      await tamper(inner, { kid });
      await expect(store.read("a")).rejects.toMatchObject(unavailable);
    }
  });

  it("what only a polluted Object.prototype has is not part of a sealed body [S10 S15]", async () => {
    const inner = memoryStore();
    const store = encrypted(inner, ring);
    await store.write("a", record(), undefined);
    const before = (await inner.read("a"))!;
    const { kid, salt, ...body } = before.body as Sealed;
    await inner.write("a", { ...before, body }, before);
    const polluted = Object.prototype as Record<string, unknown>;
    Object.assign(polluted, { kid, salt });
    let read;
    try {
      read = await store.read("a");
    } finally {
      delete polluted["kid"];
      delete polluted["salt"];
    }
    expect({ ...read }).toEqual(headOf(record()));
  });
});

describe("a key of its own for each session [S20]", () => {
  it("a salt of 16 bytes is new with each session and stays with it, in other contexts too", async () => {
    const inner = jsonStore();
    const store = encrypted(inner, ring);
    await store.write("a", record(), undefined);
    const { salt } = await sealedAt(inner);
    expect(bytesOf(salt).length).toBe(16);
    await store.write("a", record({ revision: 2 }), record());
    expect((await sealedAt(inner)).salt).toBe(salt);
    const other = encrypted(inner, keyring(K1));
    await other.read("a");
    await other.write("a", record({ revision: 3 }), record({ revision: 2 }));
    expect((await sealedAt(inner)).salt).toBe(salt);
    await other.write("a", record({ sessionId: "session-2" }), record({ revision: 3 }));
    const next = (await sealedAt(inner)).salt;
    expect(next).not.toBe(salt);
    await store.write("b", record({ sessionId: "session-2" }), undefined);
    expect((await sealedAt(inner, "b")).salt).not.toBe(next);
  });

  it("the key is HKDF-SHA-256 of the ring's key and the salt, as documented", async () => {
    const inner = jsonStore();
    await encrypted(inner, ring).write("a", record({ attemptId: "attempt-1" }), undefined);
    const { kid, salt, iv, data } = await sealedAt(inner);
    const base = await importKey(Buffer.alloc(32, "one"));
    const key = await crypto.subtle.deriveKey(
      {
        name: "HKDF",
        hash: "SHA-256",
        salt: bytesOf(salt),
        info: new TextEncoder().encode("tokenkeep record 1"),
      },
      base,
      { name: "AES-GCM", length: 256 },
      false,
      ["decrypt"],
    );
    const bound = ["tokenkeep", 1, null, null, "a", "session-1", 1, "attempt-1", null, null];
    const additionalData = new TextEncoder().encode(JSON.stringify([...bound, kid, salt]));
    const plain = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: bytesOf(iv), additionalData, tagLength: 128 },
      key,
      bytesOf(data),
    );
    expect(JSON.parse(new TextDecoder().decode(plain))).toEqual(record().body);
  });

  it("a warm read or write derives nothing, a cold one once", async () => {
    const inner = jsonStore();
    const derive = vi.spyOn(crypto.subtle, "deriveKey");
    const store = encrypted(inner, keyring(K1));
    await store.write("a", record(), undefined);
    for (let revision = 2; revision < 6; revision++) {
      await store.read("a");
      await store.write("a", record({ revision }), record({ revision: revision - 1 }));
    }
    expect(derive).toHaveBeenCalledTimes(1);
    const cold = encrypted(inner, keyring(K1));
    for (let reads = 0; reads < 3; reads++) await cold.read("a");
    expect(derive).toHaveBeenCalledTimes(2);
  });

  it("a key is not used for more than a million writes", async () => {
    const inner = jsonStore();
    const store = encrypted(inner, ring);
    const last = record({ revision: 2 ** 20 - 1 });
    const next = record({ revision: 2 ** 20 });
    await store.write("a", last, undefined);
    const { salt } = await sealedAt(inner);
    await store.write("a", next, last);
    expect((await sealedAt(inner)).salt).not.toBe(salt);
    expect(await store.read("a")).toEqual(next);
  });

  it("a sign-out destroys it, in memory too [S14]", async () => {
    const inner = jsonStore();
    const derive = vi.spyOn(crypto.subtle, "deriveKey");
    const [here, elsewhere] = [encrypted(inner, ring), encrypted(inner, keyring(K1))];
    await here.write("a", record(), undefined);
    await elsewhere.read("a");
    const sealed = (await inner.read("a"))!;
    const tombstone: StoredRecord = { ...headOf(sealed), revision: 2, tombstone: true };
    await here.write("a", tombstone, sealed);
    await elsewhere.read("a");
    // Put back by somebody, it opens; but not with a key that was still at hand.
    await inner.write("a", sealed, tombstone);
    const before = derive.mock.calls.length;
    await here.read("a");
    await elsewhere.read("a");
    expect(derive.mock.calls.length - before).toBe(2);
  });

  it("a salt that somebody has put into the record is never taken over", async () => {
    const inner = jsonStore();
    await encrypted(inner, ring).write("a", record(), undefined);
    const forged = "AAAAAAAAAAAAAAAAAAAAAA==";
    await tamper(inner, { salt: forged });
    const store = encrypted(inner, keyring(K1));
    expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
    await store.write("a", record({ revision: 2 }), record());
    expect((await sealedAt(inner)).salt).not.toBe(forged);
    for (const salt of ["", "AAAA", "!".repeat(24), "A".repeat(1e6), 1, null]) {
      await tamper(inner, { salt: salt as string });
      expect({ ...(await store.read("a")) }).toEqual(headOf(record({ revision: 2 })));
    }
  });

  it("of ten thousand sessions a thousand keys are kept at hand", async () => {
    const inner = jsonStore();
    const store = encrypted(inner, ring);
    for (let at = 0; at < 1100; at++) await store.write(`k${at}`, record(), undefined);
    const derive = vi.spyOn(crypto.subtle, "deriveKey");
    await store.read("k1099");
    expect(derive).toHaveBeenCalledTimes(0);
    await store.read("k0");
    expect(derive).toHaveBeenCalledTimes(1);
  });

  it("every dictionary given to Web Crypto has every member set [S15]", async () => {
    const derive = vi.spyOn(crypto.subtle, "deriveKey");
    await encrypted(jsonStore(), ring).write("a", record(), undefined);
    const [algorithm, , made] = derive.mock.calls[0]!;
    expect(Object.keys(algorithm).toSorted()).toEqual(["hash", "info", "name", "salt"]);
    expect(made).toEqual({ name: "AES-GCM", length: 256 });
  });
});

describe("how keys are given", () => {
  it("as text: the same bytes open what another ring of them has sealed [S8]", async () => {
    const inner = jsonStore();
    const bytes = crypto.getRandomValues(new Uint8Array(32)).fill(0xfb, 0, 8);
    const text = Buffer.from(bytes).toString("base64");
    const url = Buffer.from(bytes).toString("base64url");
    const other = Buffer.alloc(32, "other").toString("base64");
    await encrypted(inner, keyring(`k1:${text}`)).write("a", record(), undefined);
    const key = await importKey(bytes);
    for (const same of [`k1:${text}`, `k1:${url}`, ` k1:${url}= ,k2:${other}\n`, { k1: key }])
      expect(await encrypted(inner, keyring(same)).read("a")).toEqual(record());
    const read = await encrypted(inner, keyring(`k1:${other}`)).read("a");
    expect({ ...read }).toEqual(headOf(record()));
  });

  it("a malformed key is told at once, by its place, and never shown [S4]", () => {
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
            /key 2 is malformed\. Write it as <id>:<32 bytes in base64>\. Make one: .*openssl/,
          ),
        }),
      );
    expect(() => keyring("")).toThrow("key 1 is malformed");
    expect(() => keyring(`7:${text}`)).toThrow("Put a letter");
    expect(() => keyring(`k1:${text},k1:${text}`)).toThrow("two keys have the same id");
  });

  it("no key, another kind of key, and ids whose order is lost are refused", async () => {
    const key = await makeKey();
    const aes = { name: "AES-GCM", length: 256 };
    const bitsOnly = crypto.subtle.importKey("raw", new Uint8Array(32), "HKDF", false, [
      "deriveBits",
    ]);
    const invalid = expect.objectContaining({ code: "invalid_option" });
    expect(() => keyring({})).toThrow(invalid);
    for (const wrong of [
      await crypto.subtle.generateKey(aes, false, ["encrypt", "decrypt"]),
      await bitsOnly,
      undefined as never,
      null as never,
      {} as never,
    ])
      expect(() => keyring({ "key-1": wrong })).toThrow(invalid);
    expect(() => keyring({ b: key, 1: key })).toThrow(invalid);
  });

  it("by a function, asked until it has given them once, and not again [F99]", async () => {
    const inner = jsonStore();
    let asked = 0;
    const store = encrypted(
      inner,
      keyring(async () => {
        if (++asked < 3) throw new Error(`out of reach: ${K1}`);
        return K1;
      }),
    );
    for (let tries = 0; tries < 2; tries++) {
      const error = (await store
        .write("a", record(), undefined)
        .catch((no: unknown) => no)) as Error;
      expect(error).toMatchObject(unavailable);
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(K1);
    }
    expect(await inner.list("")).toEqual([]);
    await store.write("a", record(), undefined);
    await store.read("a");
    expect(asked).toBe(3);
    expect(await encrypted(inner, ring).read("a")).toEqual(record());
  });

  it("by a promise; one that rejects is nobody's unhandled rejection [F99]", async () => {
    const inner = jsonStore();
    await encrypted(inner, keyring(Promise.resolve(K1))).write("a", record(), undefined);
    expect(
      await encrypted(
        inner,
        keyring(() => K1),
      ).read("a"),
    ).toEqual(record());
    const lost = encrypted(inner, keyring(Promise.reject(new Error("lost"))));
    await new Promise((resolve) => setTimeout(resolve, 1));
    await expect(lost.read("a")).rejects.toMatchObject(unavailable);
  });

  it("what is wrong with keys that were fetched is told by each call, and never shown [F99 S4]", async () => {
    for (const wrong of [undefined, "", "secret", `${K1},k2:secret`, {}]) {
      const store = encrypted(
        jsonStore(),
        keyring(async () => wrong, ". Here is how"),
      );
      for (let tries = 0; tries < 2; tries++)
        await expect(store.write("a", record(), undefined)).rejects.toMatchObject({
          code: "invalid_option",
          message: expect.stringMatching(/^(?!.*secret).*Here is how$/),
        });
    }
  });

  it("keys that never come are unavailable in time [F59 F99]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const store = encrypted(
      jsonStore(),
      keyring(() => new Promise<string>(() => {})),
    );
    const write = expect(store.write("a", record(), undefined)).rejects.toMatchObject(unavailable);
    await vi.advanceTimersByTimeAsync(4000);
    await write;
    expect(vi.getTimerCount()).toBe(0);
  });
});
