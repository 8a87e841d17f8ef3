/** Where the key is kept, and what happens where it cannot be: never plaintext. */
import { expect, it } from "vitest";
import { encrypted } from "../../../src/stores/encrypted.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { headOf, record } from "../store.ts";
import {
  asJson,
  everything,
  jsonStore,
  type SealingStage,
  secrets,
  watched,
  written,
} from "./sealing-stage.ts";

export function sealingKeys(stage: SealingStage): void {
  it("what a ring's key has sealed is unavailable without the ring, not gone [S8]", async () => {
    const { store, tamper } = stage;
    for (const salt of ["AAAAAAAAAAAAAAAAAAAAAA==", undefined]) {
      await tamper((body) => ({ body: { ...body, kid: "k1", salt } }));
      await expect(store.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
    }
  });

  it("what it writes is JSON but for the keys [F89]", async () => {
    const { inner, store, sealedAt } = stage;
    await store.write("b", record({ keys: { proof: (await sealedAt("a")).key } }), undefined);
    for (const name of ["a", "b"]) {
      const found = (await inner.read(name))!;
      const { keys, ...json } = found;
      expect(json).toEqual(asJson(found));
      expect(everything(json)).toBe(everything(asJson(found)));
      for (const key of Object.values(keys!)) expect(key).toBeInstanceOf(CryptoKey);
    }
  });

  it("keys that a record has of its own come back, and sealing's own does not [F89]", async () => {
    const { store, sealedAt } = stage;
    const { key: proof } = await sealedAt("a");
    await store.write("b", record({ keys: { proof } }), undefined);
    const read = (await store.read("b"))!;
    expect(read).toEqual(record({ keys: { proof } }));
    expect(read.keys!["proof"]).toBeInstanceOf(CryptoKey);
    expect((await store.read("a"))!.keys).toBeUndefined();
  });

  it("passes on what the store declares, and its scope", async () => {
    const { inner, store } = stage;
    expect([store.keepsKeys, store.namespace]).toEqual([true, inner.namespace]);
    expect(await store.scope!()).toBe(await inner.scope?.());
    const plain = encrypted({ ...inner, keepsKeys: false, scope: async () => "here" });
    expect([plain.keepsKeys, await plain.scope!()]).toEqual([false, "here"]);
  });

  it("a store that keeps no keys is told so, and gets nothing [S8 F89]", async () => {
    const plain = watched(jsonStore());
    await expect(encrypted(plain).write("a", record(), undefined)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringContaining("key ring"),
    });
    expect(plain.writes).toEqual([]);
  });

  it("a record of a newer format is unavailable, whatever the store makes of it [S8 F10]", async () => {
    const { inner } = stage;
    const newer = { ...(await inner.read("a")), format: 2 } as unknown as StoredRecord;
    const opening = encrypted({ ...inner, read: async () => newer });
    await expect(opening.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("keys are tried out once, before the first session is written [F27]", async () => {
    const { makeInner } = stage;
    const fresh = watched(makeInner());
    const sealing = encrypted(fresh);
    await sealing.write("a", record(), undefined);
    await sealing.write("b", record(), undefined);
    const names = fresh.writes.map(([key]) => key.replace(/:.*/, ":"));
    expect(names).toEqual(["probe:", "probe:", "a", "b"]);
    expect(await fresh.list("probe:")).toEqual([]);
  });

  it("a key that reads back null is never replaced by plaintext [S8 F27]", async () => {
    const { makeInner } = stage;
    let broken = true;
    const real = watched(makeInner());
    const forgetful: TokenStore = {
      ...real,
      async read(key) {
        const found = await real.read(key);
        if (!broken || found?.body === undefined) return found;
        return { ...found, keys: { seal: null } };
      },
    };
    const sealing = encrypted(forgetful);
    for (let tries = 0; tries < 2; tries++)
      await expect(sealing.write("a", record(), undefined)).rejects.toMatchObject({
        code: "store_unavailable",
      });
    expect(await real.list("")).toEqual([]);
    for (const [, value] of real.writes) expect(everything(value)).not.toMatch(secrets);
    // It is tried anew each time until it holds.
    broken = false;
    expect(await sealing.write("a", record(), undefined)).toBe(true);
    expect(await sealing.read("a")).toEqual(record());
  });

  it("where a sample cannot even be read back it is deleted, and the reason is told [S8 F27]", async () => {
    const { makeInner } = stage;
    const real = watched(makeInner());
    const unreadable = { format: 1, sessionId: "", revision: 0 } as const;
    // As IndexedDB in WebKit, which gives back null for the whole row.
    const forgetful: TokenStore = {
      ...real,
      read: async (key) => (await real.read(key)) && unreadable,
      async write(key, next, expected) {
        const head = expected?.sessionId === "" ? await real.head(key) : expected;
        return real.write(key, next, head);
      },
    };
    await expect(encrypted(forgetful).write("a", record(), undefined)).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringContaining("keys cannot be kept"),
    });
    const failing: TokenStore = { ...real, read: () => Promise.reject(new Error("no")) };
    await expect(encrypted(failing).write("a", record(), undefined)).rejects.toThrow("no");
    expect(await real.list("")).toEqual([]);
  });

  it("a key that the store refuses is never replaced by plaintext [S8 F27]", async () => {
    const { makeInner } = stage;
    const real = watched(makeInner());
    const refusing: TokenStore = {
      ...real,
      write: (key, next, expected) =>
        next?.body === undefined
          ? real.write(key, next, expected)
          : Promise.reject(new DOMException("no keys", "DataCloneError")),
    };
    await expect(encrypted(refusing).write("a", record(), undefined)).rejects.toThrow();
    expect(await real.list("")).toEqual([]);
  });

  it("an insecure context seals nothing, opens nothing, but can sign out [S8 S14]", async () => {
    const { inner, store } = stage;
    const before = Object.getOwnPropertyDescriptor(crypto, "subtle");
    Object.defineProperty(crypto, "subtle", { configurable: true, value: undefined });
    try {
      const error = {
        code: "store_unavailable",
        message: expect.stringMatching(/https or localhost/),
      };
      await expect(store.write("b", record(), undefined)).rejects.toMatchObject(error);
      await expect(store.read("a")).rejects.toMatchObject(error);
      expect((await store.head("a"))?.revision).toBe(3);
      const tombstone: StoredRecord = { ...headOf(written), revision: 4, tombstone: true };
      expect(await store.write("a", tombstone, headOf(written))).toBe(true);
      expect(await inner.list("")).toEqual(["a"]);
    } finally {
      // Mostly it is the prototype's, which shows again.
      delete (crypto as { subtle?: unknown }).subtle;
      if (before) Object.defineProperty(crypto, "subtle", before);
    }
  });

  it("what the inner store rejects with passes through [P16]", async () => {
    const { inner } = stage;
    const error = new Error("the inner store's own");
    const failing = encrypted({
      ...inner,
      head: () => Promise.reject(error),
      read: () => Promise.reject(error),
      list: () => Promise.reject(error),
      write: () => Promise.reject(error),
    });
    await expect(failing.read("a")).rejects.toBe(error);
    await expect(failing.head("a")).rejects.toBe(error);
    await expect(failing.list("")).rejects.toBe(error);
    await expect(failing.write("a", record(), undefined)).rejects.toBe(error);
  });
}
