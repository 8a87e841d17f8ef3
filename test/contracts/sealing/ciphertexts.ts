/** What sealing writes: nothing in the clear, by AES-GCM with everything set, and no more than can be read. */
import { expect, it, vi } from "vitest";
import { encrypted } from "../../../src/stores/encrypted.ts";
import type { StoredRecord } from "../../../src/types.ts";
import { headOf, record } from "../store.ts";
import {
  bytesOf,
  everything,
  type SealingStage,
  secrets,
  textOf,
  written,
} from "./sealing-stage.ts";

export function ciphertexts(stage: SealingStage): void {
  it("what the application wrote does not reach the inner store in the clear [S8]", async () => {
    const { inner, store } = stage;
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
    const { inner, store } = stage;
    const decrypt = vi.spyOn(crypto.subtle, "decrypt");
    expect({ ...(await store.head("a")) }).toEqual(headOf(written));
    expect({ ...(await inner.head("a")) }).toEqual(headOf(written));
    expect(decrypt).not.toHaveBeenCalled();
  });

  it("the key is AES-GCM of 256 bits and cannot be exported, in the store neither [S8]", async () => {
    const { sealedAt } = stage;
    const { key } = await sealedAt("a");
    expect(key).toBeInstanceOf(CryptoKey);
    expect(key.extractable).toBe(false);
    expect(key.algorithm).toMatchObject({ name: "AES-GCM", length: 256 });
    for (const format of ["raw", "jwk"] as const)
      await expect(crypto.subtle.exportKey(format, key)).rejects.toThrow();
  });

  it("a 96-bit IV, fresh with each write, and a 128-bit tag [S8]", async () => {
    const { store, sealedAt } = stage;
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
    const { store, sealedAt } = stage;
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
    const { store } = stage;
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

  it("a tombstone leaves no key, no data, and nothing under any other name [S14]", async () => {
    const { inner, store, sealedAt, tamper } = stage;
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
    const { inner, store } = stage;
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
    const { store, tamper } = stage;
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
}
