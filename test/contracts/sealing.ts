/** What `encrypted` must do over each store that can keep a key, in every runtime. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encrypted } from "../../src/stores/encrypted.ts";
import type { StoredRecord, TokenStore } from "../../src/types.ts";
import { headOf, record } from "./store.ts";

type Sealed = { kid?: unknown; iv: Uint8Array; data: ArrayBuffer; key: CryptoKey };

/** Everything that a value holds, as text: strings, names, and bytes as Latin-1 and as base64. */
export function everything(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null) return `${String(value)}\n`;
  if (seen.has(value)) return "";
  seen.add(value);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes =
      value instanceof ArrayBuffer
        ? new Uint8Array(value)
        : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    const text = String.fromCharCode(...bytes);
    return `${text}\n${btoa(text)}\n`;
  }
  return Reflect.ownKeys(value)
    .map((name) => `${String(name)}\n${everything(Reflect.get(value, name), seen)}`)
    .join("");
}

const secrets = /access-1|refresh-1|accessToken|tokenSet|YWNjZXNzLTE|cmVmcmVzaC0x/;

/** Remembers all that is written to a store. */
export function watched(store: TokenStore): TokenStore & { readonly writes: [string, unknown][] } {
  const writes: [string, unknown][] = [];
  return {
    ...store,
    writes,
    write(key, next, expected) {
      writes.push([key, next]);
      return store.write(key, next, expected);
    },
  };
}

export function sealingContract(name: string, makeInner: () => TokenStore): void {
  describe(`encrypted over ${name}`, () => {
    let inner: TokenStore & { readonly writes: [string, unknown][] };
    let store: TokenStore;
    const written = record({ attemptId: "attempt-1", revision: 3 });

    beforeEach(async () => {
      inner = watched(makeInner());
      store = encrypted(inner);
      await store.write("a", written, undefined);
    });
    afterEach(() => {
      vi.unstubAllGlobals();
      vi.restoreAllMocks();
    });

    const sealedAt = async (key: string): Promise<Sealed> =>
      (await inner.read(key))!.body as Sealed;

    /** Changes the record behind the store's back. */
    async function tamper(change: (body: Sealed) => object): Promise<void> {
      const before = (await inner.read("a"))!;
      const changed = change(before.body as Sealed) as Partial<StoredRecord>;
      expect(await inner.write("a", { ...before, ...changed }, before)).toBe(true);
    }

    it("S8 what the application wrote does not reach the inner store in the clear", async () => {
      await store.write("a", record({ revision: 4 }), headOf(written));
      await store.write("b", record({ body: { secret: "access-1" } }), undefined);
      expect(inner.writes.length).toBeGreaterThanOrEqual(3);
      for (const [key, value] of inner.writes) expect(key + everything(value)).not.toMatch(secrets);
      for (const key of ["a", "b"]) expect(everything(await inner.read(key))).not.toMatch(secrets);
      // It would be found.
      expect(everything(written)).toMatch(secrets);
      expect(everything(new TextEncoder().encode("xaccess-1"))).toMatch(secrets);
    });

    it("S8 P8 the head stands in the clear, and is had without Web Crypto", async () => {
      const decrypt = vi.spyOn(crypto.subtle, "decrypt");
      expect({ ...(await store.head("a")) }).toEqual(headOf(written));
      expect({ ...(await inner.head("a")) }).toEqual(headOf(written));
      expect(decrypt).not.toHaveBeenCalled();
    });

    it("S8 the key is AES-GCM of 256 bits and cannot be exported, in the store neither", async () => {
      const { key } = await sealedAt("a");
      expect(key).toBeInstanceOf(CryptoKey);
      expect(key.extractable).toBe(false);
      expect(key.algorithm).toMatchObject({ name: "AES-GCM", length: 256 });
      for (const format of ["raw", "jwk"] as const)
        await expect(crypto.subtle.exportKey(format, key)).rejects.toThrow();
    });

    it("S8 a 96-bit IV, fresh with each write, and a 128-bit tag", async () => {
      const first = await sealedAt("a");
      const next = record({ revision: 4, attemptId: "attempt-1" });
      await store.write("a", next, headOf(written));
      const second = await sealedAt("a");
      expect([first.iv.length, second.iv.length]).toEqual([12, 12]);
      expect(first.iv).not.toEqual(second.iv);
      const plain = new TextEncoder().encode(JSON.stringify(written.body)).length;
      expect(first.data.byteLength).toBe(plain + 16);
    });

    it("S15 a polluted Object.prototype shortens no tag and changes nothing else", async () => {
      const polluted = Object.prototype as Record<string, unknown>;
      polluted["tagLength"] = 32;
      polluted["additionalData"] = new Uint8Array(1);
      polluted["extractable"] = true;
      polluted["kid"] = "forged";
      try {
        await store.write("b", written, undefined);
        expect((await store.read("a"))?.body).toEqual(written.body);
      } finally {
        for (const member of ["tagLength", "additionalData", "extractable", "kid"])
          delete polluted[member];
      }
      const plain = new TextEncoder().encode(JSON.stringify(written.body)).length;
      const { data, key } = await sealedAt("b");
      expect(data.byteLength).toBe(plain + 16);
      expect(key.extractable).toBe(false);
      expect(await store.read("b")).toEqual(written);
    });

    it("S8 S15 every dictionary given to Web Crypto has every member set", async () => {
      const generate = vi.spyOn(crypto.subtle, "generateKey");
      const encrypt = vi.spyOn(crypto.subtle, "encrypt");
      const decrypt = vi.spyOn(crypto.subtle, "decrypt");
      await store.write("b", written, undefined);
      await store.read("b");
      expect(generate.mock.calls[0]![0]).toEqual({ name: "AES-GCM", length: 256 });
      for (const [algorithm] of [encrypt.mock.calls[0]!, decrypt.mock.calls[0]!]) {
        expect(Object.keys(algorithm).toSorted()).toEqual([
          "additionalData",
          "iv",
          "name",
          "tagLength",
        ]);
        expect(algorithm).toMatchObject({ name: "AES-GCM", tagLength: 128 });
      }
    });

    const flip = (bytes: ArrayBuffer | Uint8Array, at: number): Uint8Array => {
      const copy = new Uint8Array(bytes as ArrayBuffer).slice();
      copy.set([copy.at(at)! ^ 1], at < 0 ? copy.length + at : at);
      return copy;
    };

    it.each<[string, (body: Sealed) => Partial<StoredRecord> | Promise<Partial<StoredRecord>>]>([
      ["session id", () => ({ sessionId: "session-2" })],
      ["revision", () => ({ revision: 4 })],
      ["older revision", () => ({ revision: 2 })],
      ["attempt id", () => ({ attemptId: "attempt-2" })],
      ["missing attempt id", () => ({ attemptId: undefined as never })],
      ["key id", (body) => ({ body: { ...body, kid: "another" } })],
      ["iv", (body) => ({ body: { ...body, iv: flip(body.iv, 0) } })],
      ["shorter iv", (body) => ({ body: { ...body, iv: body.iv.slice(1) } })],
      ["first byte", (body) => ({ body: { ...body, data: flip(body.data, 0).buffer } })],
      ["last byte", (body) => ({ body: { ...body, data: flip(body.data, -1).buffer } })],
      ["cut tag", (body) => ({ body: { ...body, data: body.data.slice(0, -1) } })],
      ["key gone", (body) => ({ body: { ...body, key: undefined } })],
      ["key null", (body) => ({ body: { ...body, key: null } })],
      ["key no key", (body) => ({ body: { ...body, key: "key" } })],
      ["no iv", (body) => ({ body: { ...body, iv: undefined } })],
      ["no data", (body) => ({ body: { ...body, data: undefined } })],
      ["text for data", (body) => ({ body: { ...body, data: "access-1" } })],
      ["null", () => ({ body: null })],
      ["a number", () => ({ body: 1 })],
      ["a text", () => ({ body: "access-1" })],
      ["a list", () => ({ body: [] })],
      ["an empty object", () => ({ body: {} })],
      ["a session in the clear", () => ({ body: written.body })],
    ])("S8 S10 tampered with, %s: reads without body, and is left untouched", async (_, change) => {
      expect((await store.read("a"))?.body).toEqual(written.body);
      await tamper(change);
      const before = everything(await inner.read("a"));
      const read = await store.read("a");
      expect({ ...read }).toEqual({ ...(await inner.head("a")) });
      expect(read && "body" in read).toBe(false);
      expect(everything(await inner.read("a"))).toBe(before);
      // A new sign-in goes on from there.
      const next = record({ sessionId: "session-9", revision: read!.revision + 1 });
      expect(await store.write("a", next, read)).toBe(true);
      expect(await store.read("a")).toEqual(next);
    });

    it("S8 another key's ciphertext is not opened", async () => {
      const other = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
        "encrypt",
        "decrypt",
      ]);
      await tamper((body) => ({ body: { ...body, key: other } }));
      expect((await store.read("a"))?.body).toBeUndefined();
    });

    it("S8 S11 a record that is copied to another account's key is not opened there", async () => {
      await inner.write("b", await inner.read("a"), undefined);
      expect({ ...(await store.read("b")) }).toEqual(headOf(written));
      expect((await store.read("a"))?.body).toEqual(written.body);
    });

    it("S8 S11 two records' bodies cannot be swapped", async () => {
      await store.write("b", record({ attemptId: "attempt-1", revision: 3 }), undefined);
      const [a, b] = [(await inner.read("a"))!, (await inner.read("b"))!];
      await inner.write("a", { ...a, body: b.body }, a);
      await inner.write("b", { ...b, body: a.body }, b);
      expect((await store.read("a"))?.body).toBeUndefined();
      expect((await store.read("b"))?.body).toBeUndefined();
    });

    it("S8 P3 an older body under a newer head is not opened: no roll-back", async () => {
      const old = await sealedAt("a");
      const next = record({ revision: 4, attemptId: "attempt-1" });
      await store.write("a", next, headOf(written));
      await tamper(() => ({ body: old }));
      expect((await store.read("a"))?.body).toBeUndefined();
    });

    it("S14 a tombstone leaves no key, no data, and nothing under any other name", async () => {
      const old = await sealedAt("a");
      const tombstone: StoredRecord = {
        format: 1,
        sessionId: "session-1",
        revision: 4,
        tombstone: true,
      };
      expect(await store.write("a", tombstone, headOf(written))).toBe(true);
      expect({ ...(await inner.read("a")) }).toEqual(tombstone);
      expect({ ...(await store.read("a")) }).toEqual(tombstone);
      expect(await inner.list("")).toEqual(["a"]);
      // What lingers is not opened by what comes after.
      const again = record({ sessionId: "session-2", revision: 5 });
      await store.write("a", again, tombstone);
      const { key } = await sealedAt("a");
      await tamper((body) => ({ body: { ...body, data: old.data, iv: old.iv, key } }));
      expect((await store.read("a"))?.body).toBeUndefined();
    });

    it("F28 F29 key and record are one: nothing else is kept", async () => {
      await store.write("b", written, undefined);
      expect((await inner.list("")).toSorted()).toEqual(["a", "b"]);
      // Another context, with nothing in memory, opens and goes on.
      const other = encrypted(inner);
      expect(await other.read("a")).toEqual(written);
      const next = record({ revision: 4 });
      expect(await other.write("a", next, headOf(written))).toBe(true);
      expect(await store.read("a")).toEqual(next);
    });

    it("S8 more than 64 KiB is neither parsed nor written", async () => {
      const large = record({ revision: 4, body: { text: "x".repeat(65_536) } });
      await expect(store.write("a", large, headOf(written))).rejects.toMatchObject({
        code: "store_unavailable",
      });
      expect(await store.read("a")).toEqual(written);
      await tamper((body) => ({ body: { ...body, data: new ArrayBuffer(65_537) } }));
      const decrypt = vi.spyOn(crypto.subtle, "decrypt");
      expect((await store.read("a"))?.body).toBeUndefined();
      expect(decrypt).not.toHaveBeenCalled();
    });

    it("F27 keys are tried out once, before the first session is written", async () => {
      const fresh = watched(makeInner());
      const sealing = encrypted(fresh);
      await sealing.write("a", record(), undefined);
      await sealing.write("b", record(), undefined);
      const names = fresh.writes.map(([key]) => key.replace(/:.*/, ":"));
      expect(names).toEqual(["probe:", "probe:", "a", "b"]);
      expect(await fresh.list("probe:")).toEqual([]);
    });

    it("S8 F27 a key that reads back null is never replaced by plaintext", async () => {
      let broken = true;
      const real = watched(makeInner());
      const forgetful: TokenStore = {
        ...real,
        async read(key) {
          const found = await real.read(key);
          if (!broken || found?.body === undefined) return found;
          return { ...found, body: { ...(found.body as Sealed), key: null } };
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

    it("S8 F27 a key that the store refuses is never replaced by plaintext", async () => {
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

    it("S8 S14 an insecure context seals nothing, opens nothing, but can sign out", async () => {
      vi.spyOn(crypto, "subtle", "get").mockReturnValue(undefined as never);
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
    });

    it("P16 what the inner store rejects with passes through", async () => {
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
  });
}
