/** What was changed, copied or swapped behind the store's back is not opened, and left as it is. */
import { expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { encrypted } from "../../../src/stores/encrypted.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { headOf, record } from "../store.ts";
import {
  bytesOf,
  everything,
  type Sealed,
  type SealingStage,
  textOf,
  written,
} from "./sealing-stage.ts";

/** The text with one bit of one byte changed. */
const flip = (text: string, at: number): string => {
  const bytes = bytesOf(text);
  bytes.set([bytes.at(at)! ^ 1], at < 0 ? bytes.length + at : at);
  return textOf(bytes);
};

export function tampering(stage: SealingStage): void {
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
  ])("tampered with, %s: reads without body, and is left untouched [S8 S10]", async (_, change) => {
    const { inner, store, tamper } = stage;
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

  it("a tombstone that was set on a sealed session is no sign-out, but tampered with [S20 F82]", async () => {
    const { inner, store } = stage;
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
    const { inner, store } = stage;
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
    const { inner, store } = stage;
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

  it("another key's ciphertext is not opened [S8]", async () => {
    const { store, tamper } = stage;
    const other = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
    await tamper(() => ({ keys: { seal: other } }));
    expect((await store.read("a"))?.body).toBeUndefined();
  });

  it("a record that is copied to another account's key is not opened there [S8 S11]", async () => {
    const { inner, store } = stage;
    await inner.write("b", await inner.read("a"), undefined);
    expect({ ...(await store.read("b")) }).toEqual(headOf(written));
    expect((await store.read("a"))?.body).toEqual(written.body);
  });

  it("two records' bodies cannot be swapped [S8 S11]", async () => {
    const { inner, store } = stage;
    await store.write("b", record({ attemptId: "attempt-1", revision: 3 }), undefined);
    const [a, b] = [(await inner.read("a"))!, (await inner.read("b"))!];
    await inner.write("a", { ...a, body: b.body, keys: b.keys }, a);
    await inner.write("b", { ...b, body: a.body, keys: a.keys }, b);
    expect((await store.read("a"))?.body).toBeUndefined();
    expect((await store.read("b"))?.body).toBeUndefined();
  });

  it("an older body under a newer head is not opened: no roll-back [S8 P3]", async () => {
    const { inner, store, tamper } = stage;
    const { body, keys } = (await inner.read("a"))!;
    const next = record({ revision: 4, attemptId: "attempt-1" });
    await store.write("a", next, headOf(written));
    await tamper(() => ({ body, keys }));
    expect((await store.read("a"))?.body).toBeUndefined();
  });
}
