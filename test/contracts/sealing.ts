/** What `encrypted` must do over each store that can keep a key, in every runtime. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encrypted } from "../../src/stores/encrypted.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { StoredRecord, TokenStore } from "../../src/types.ts";
import { headOf, record } from "./store.ts";

type Sealed = { kid?: unknown; salt?: unknown; iv: string; data: string };
type Key = CryptoKey;

/** What a text of base64 says, byte by byte. */
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const textOf = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};

/** A record as a store that writes JSON gives it back: without its keys. */
export const asJson = ({ keys: _, ...record }: StoredRecord): StoredRecord =>
  JSON.parse(JSON.stringify(record));

/** A store that writes JSON, as a file or a database server does: `keys` do not live through it. */
export function jsonStore(): TokenStore {
  const store = memoryStore();
  return {
    ...store,
    keepsKeys: false,
    write: (key, next, expected) => store.write(key, next && asJson(next), expected),
  };
}

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

    const sealedAt = async (name: string): Promise<Sealed & { key: Key }> => {
      const { body, keys } = (await inner.read(name))!;
      return { ...(body as Sealed), key: keys!["seal"] as Key };
    };

    /** Changes the record behind the store's back. */
    async function tamper(change: (body: Sealed) => Partial<StoredRecord>): Promise<void> {
      const before = (await inner.read("a"))!;
      const changed = change(before.body as Sealed);
      expect(await inner.write("a", { ...before, ...changed }, before)).toBe(true);
    }

    it("what the application wrote does not reach the inner store in the clear [S8]", async () => {
      await store.write("a", record({ revision: 4 }), headOf(written));
      await store.write("b", record({ body: { secret: "access-1" } }), undefined);
      expect(inner.writes.length).toBeGreaterThanOrEqual(3);
      for (const [key, value] of inner.writes) expect(key + everything(value)).not.toMatch(secrets);
      for (const key of ["a", "b"]) expect(everything(await inner.read(key))).not.toMatch(secrets);
      // It would be found.
      expect(everything(written)).toMatch(secrets);
      expect(everything(new TextEncoder().encode("xaccess-1"))).toMatch(secrets);
    });

    it("the head stands in the clear, and is had without Web Crypto [S8 P8]", async () => {
      const decrypt = vi.spyOn(crypto.subtle, "decrypt");
      expect({ ...(await store.head("a")) }).toEqual(headOf(written));
      expect({ ...(await inner.head("a")) }).toEqual(headOf(written));
      expect(decrypt).not.toHaveBeenCalled();
    });

    it("the key is AES-GCM of 256 bits and cannot be exported, in the store neither [S8]", async () => {
      const { key } = await sealedAt("a");
      expect(key).toBeInstanceOf(CryptoKey);
      expect(key.extractable).toBe(false);
      expect(key.algorithm).toMatchObject({ name: "AES-GCM", length: 256 });
      for (const format of ["raw", "jwk"] as const)
        await expect(crypto.subtle.exportKey(format, key)).rejects.toThrow();
    });

    it("a 96-bit IV, fresh with each write, and a 128-bit tag [S8]", async () => {
      const first = await sealedAt("a");
      const next = record({ revision: 4, attemptId: "attempt-1" });
      await store.write("a", next, headOf(written));
      const second = await sealedAt("a");
      expect([bytesOf(first.iv).length, bytesOf(second.iv).length]).toEqual([12, 12]);
      expect(first.iv).not.toEqual(second.iv);
      const plain = new TextEncoder().encode(JSON.stringify(written.body)).length;
      expect(bytesOf(first.data).length).toBe(plain + 16);
    });

    it("a polluted Object.prototype shortens no tag and changes nothing else [S15]", async () => {
      const polluted = Object.prototype as Record<string, unknown>;
      polluted["tagLength"] = 32;
      polluted["additionalData"] = new Uint8Array(1);
      polluted["extractable"] = true;
      Object.assign(polluted, { kid: "forged", salt: "forged", seal: "forged", tombstone: true });
      Object.assign(polluted, { attemptId: "forged", endedAt: 1, sessionId: "forged" });
      try {
        await store.write("b", written, undefined);
        const read = (await store.read("a"))!;
        expect([read.body, read.tombstone, read.endedAt]).toEqual([
          written.body,
          undefined,
          undefined,
        ]);
      } finally {
        for (const member of Object.keys(polluted)) delete polluted[member];
      }
      const plain = new TextEncoder().encode(JSON.stringify(written.body)).length;
      const { data, key } = await sealedAt("b");
      expect(bytesOf(data).length).toBe(plain + 16);
      expect(key.extractable).toBe(false);
      expect(await store.read("b")).toEqual(written);
    });

    it("every dictionary given to Web Crypto has every member set [S8 S15]", async () => {
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

    /** The text with one bit of one byte changed. */
    const flip = (text: string, at: number): string => {
      const bytes = bytesOf(text);
      bytes.set([bytes.at(at)! ^ 1], at < 0 ? bytes.length + at : at);
      return textOf(bytes);
    };

    it.each<[string, (body: Sealed) => Partial<StoredRecord>]>([
      ["session id", () => ({ sessionId: "session-2" })],
      ["revision", () => ({ revision: 4 })],
      ["older revision", () => ({ revision: 2 })],
      ["attempt id", () => ({ attemptId: "attempt-2" })],
      ["missing attempt id", () => ({ attemptId: undefined })],
      ["time of an end", () => ({ endedAt: 1 })],
      ["iv", (body) => ({ body: { ...body, iv: flip(body.iv, 0) } })],
      ["shorter iv", (body) => ({ body: { ...body, iv: textOf(bytesOf(body.iv).slice(1)) } })],
      ["longer iv", (body) => ({ body: { ...body, iv: "AAAA" + body.iv } })],
      ["first byte", (body) => ({ body: { ...body, data: flip(body.data, 0) } })],
      ["last byte", (body) => ({ body: { ...body, data: flip(body.data, -1) } })],
      ["cut tag", (body) => ({ body: { ...body, data: textOf(bytesOf(body.data).slice(0, -1)) } })],
      ["keys gone", () => ({ keys: undefined })],
      ["keys null", () => ({ keys: null as never })],
      ["keys empty", () => ({ keys: {} })],
      ["key null", () => ({ keys: { seal: null } })],
      ["key no key", () => ({ keys: { seal: "key" } })],
      ["a salt", (body) => ({ body: { ...body, salt: "AAAAAAAAAAAAAAAAAAAAAA==" } })],
      ["no iv", (body) => ({ body: { ...body, iv: undefined } })],
      ["no data", (body) => ({ body: { ...body, data: undefined } })],
      ["text for data", (body) => ({ body: { ...body, data: "access-1" } })],
      ["bytes for data", (body) => ({ body: { ...body, data: bytesOf(body.data) } })],
      ["null", () => ({ body: null })],
      ["a number", () => ({ body: 1 })],
      ["a text", () => ({ body: "access-1" })],
      ["a list", () => ({ body: [] })],
      ["an empty object", () => ({ body: {} })],
      ["a session in the clear", () => ({ body: written.body })],
    ])(
      "tampered with, %s: reads without body, and is left untouched [S8 S10]",
      async (_, change) => {
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
      },
    );

    it("a tombstone that was set on a sealed session is no sign-out, but tampered with [S20 F82]", async () => {
      const before = (await inner.read("a"))!;
      for (const forged of [{ tombstone: true }, { tombstone: true, endedAt: 1 }] as const) {
        expect(await inner.write("a", { ...before, ...forged }, before)).toBe(true);
        expect({ ...(await store.read("a")) }).toEqual({
          format: 1,
          sessionId: "session-1",
          revision: 3,
        });
      }
      // With the flag taken away again it opens: nothing was destroyed by it.
      expect(await inner.write("a", before, before)).toBe(true);
      expect(await store.read("a")).toEqual(written);
    });

    it("a body that was sealed with a tombstone does not pass for a session [S20 F82]", async () => {
      const sealed: StoredRecord[] = [];
      const catching: TokenStore = {
        ...inner,
        async write(_, next) {
          if (next) sealed.push(next);
          return true;
        },
        read: async () => sealed.at(-1),
      };
      await encrypted(catching).write("c", { ...record(), tombstone: true }, undefined);
      const { tombstone: _, ...revived } = sealed.at(-1)!;
      await inner.write("c", revived, undefined);
      expect({ ...(await store.read("c")) }).toEqual(headOf(record()));
    });

    it("a record that is copied to another namespace is not opened there [S20 F82 S11]", async () => {
      type Space = readonly [place: string | undefined, own: string | undefined];
      const spaces: Space[] = [
        [undefined, undefined],
        ["one", undefined],
        [undefined, "one"],
        ["one", "two"],
        ["two", "one"],
        ['one",null', undefined],
      ];
      const open = ([place, own]: Space): [TokenStore, TokenStore] => {
        const placed = { ...memoryStore(), ...(place !== undefined && { namespace: place }) };
        return [placed, encrypted(placed, undefined, own === undefined ? {} : { namespace: own })];
      };
      for (const from of spaces) {
        const [source, sealing] = open(from);
        await sealing.write("a", record(), undefined);
        for (const to of spaces) {
          const [target, opening] = open(to);
          await target.write("a", await source.read("a"), undefined);
          const read = await opening.read("a");
          const body = from === to ? record().body : undefined;
          expect([from, to, read?.body]).toEqual([from, to, body]);
        }
      }
      const elsewhere = encrypted({ ...inner, namespace: "elsewhere" });
      expect({ ...(await elsewhere.read("a")) }).toEqual(headOf(written));
      expect(await store.read("a")).toEqual(written);
    });

    it("what a ring's key has sealed is unavailable without the ring, not gone [S8]", async () => {
      for (const salt of ["AAAAAAAAAAAAAAAAAAAAAA==", undefined]) {
        await tamper((body) => ({ body: { ...body, kid: "k1", salt } }));
        await expect(store.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
      }
    });

    it("what it writes is JSON but for the keys [F89]", async () => {
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
      const { key: proof } = await sealedAt("a");
      await store.write("b", record({ keys: { proof } }), undefined);
      const read = (await store.read("b"))!;
      expect(read).toEqual(record({ keys: { proof } }));
      expect(read.keys!["proof"]).toBeInstanceOf(CryptoKey);
      expect((await store.read("a"))!.keys).toBeUndefined();
    });

    it("passes on what the store declares, and its scope", async () => {
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
      const newer = { ...(await inner.read("a")), format: 2 } as unknown as StoredRecord;
      const opening = encrypted({ ...inner, read: async () => newer });
      await expect(opening.read("a")).rejects.toMatchObject({ code: "store_unavailable" });
    });

    it("another key's ciphertext is not opened [S8]", async () => {
      const other = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
        "encrypt",
        "decrypt",
      ]);
      await tamper(() => ({ keys: { seal: other } }));
      expect((await store.read("a"))?.body).toBeUndefined();
    });

    it("a record that is copied to another account's key is not opened there [S8 S11]", async () => {
      await inner.write("b", await inner.read("a"), undefined);
      expect({ ...(await store.read("b")) }).toEqual(headOf(written));
      expect((await store.read("a"))?.body).toEqual(written.body);
    });

    it("two records' bodies cannot be swapped [S8 S11]", async () => {
      await store.write("b", record({ attemptId: "attempt-1", revision: 3 }), undefined);
      const [a, b] = [(await inner.read("a"))!, (await inner.read("b"))!];
      await inner.write("a", { ...a, body: b.body, keys: b.keys }, a);
      await inner.write("b", { ...b, body: a.body, keys: a.keys }, b);
      expect((await store.read("a"))?.body).toBeUndefined();
      expect((await store.read("b"))?.body).toBeUndefined();
    });

    it("an older body under a newer head is not opened: no roll-back [S8 P3]", async () => {
      const { body, keys } = (await inner.read("a"))!;
      const next = record({ revision: 4, attemptId: "attempt-1" });
      await store.write("a", next, headOf(written));
      await tamper(() => ({ body, keys }));
      expect((await store.read("a"))?.body).toBeUndefined();
    });

    it("a tombstone leaves no key, no data, and nothing under any other name [S14]", async () => {
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
      await tamper((body) => ({ body: { ...body, data: old.data, iv: old.iv } }));
      expect((await store.read("a"))?.body).toBeUndefined();
    });

    it("key and record are one: nothing else is kept [F28 F29]", async () => {
      await store.write("b", written, undefined);
      expect((await inner.list("")).toSorted()).toEqual(["a", "b"]);
      // Another context, with nothing in memory, opens and goes on.
      const other = encrypted(inner);
      expect(await other.read("a")).toEqual(written);
      const next = record({ revision: 4 });
      expect(await other.write("a", next, headOf(written))).toBe(true);
      expect(await store.read("a")).toEqual(next);
    });

    it("more than 64 KiB is neither parsed nor written [S8]", async () => {
      const large = record({ revision: 4, body: { text: "x".repeat(65_536) } });
      await expect(store.write("a", large, headOf(written))).rejects.toMatchObject({
        code: "store_unavailable",
      });
      expect(await store.read("a")).toEqual(written);
      await tamper((body) => ({ body: { ...body, data: textOf(new Uint8Array(65_539)) } }));
      const decrypt = vi.spyOn(crypto.subtle, "decrypt");
      expect((await store.read("a"))?.body).toBeUndefined();
      expect(decrypt).not.toHaveBeenCalled();
    });

    it("keys are tried out once, before the first session is written [F27]", async () => {
      const fresh = watched(makeInner());
      const sealing = encrypted(fresh);
      await sealing.write("a", record(), undefined);
      await sealing.write("b", record(), undefined);
      const names = fresh.writes.map(([key]) => key.replace(/:.*/, ":"));
      expect(names).toEqual(["probe:", "probe:", "a", "b"]);
      expect(await fresh.list("probe:")).toEqual([]);
    });

    it("a key that reads back null is never replaced by plaintext [S8 F27]", async () => {
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

    it("a key that the store refuses is never replaced by plaintext [S8 F27]", async () => {
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

    it("what the inner store rejects with passes through [P16]", async () => {
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
