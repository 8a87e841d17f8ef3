/**
 * What every `TokenStore` must do, in every runtime it is for. Run it with a factory that gives an
 * empty store each time; stores that several contexts share also give two that see the same records.
 */
import { describe, expect, it } from "vitest";
import type { RecordHead, StoredRecord, TokenStore } from "../../src/types.ts";

type Awaitable<T> = T | Promise<T>;

export interface StoreContractOptions {
  /** What really lies under a key, behind the store's back; by default what `read` gives. */
  readonly stored?: (store: TokenStore, key: string) => Awaitable<unknown>;
  /** Two stores on the same, empty records, as two tabs have them; by default one store twice. */
  readonly twins?: () => Awaitable<readonly [TokenStore, TokenStore]>;
  /** Whether it compares and sets in one step; `true` by default. */
  readonly atomic?: boolean;
}

/** A record as the engine writes them. */
export function record(fields: Partial<StoredRecord> = {}): StoredRecord {
  return {
    format: 1,
    sessionId: "session-1",
    revision: 1,
    body: { generation: 1, tokenSet: { accessToken: "access-1", refreshToken: "refresh-1" } },
    ...fields,
  };
}

/** The clear part of a record. */
export function headOf({ body: _, keys: __, ...head }: StoredRecord): RecordHead {
  return head;
}

export function storeContract(
  name: string,
  make: () => Awaitable<TokenStore>,
  options: StoreContractOptions = {},
): void {
  const { atomic = true, stored = (store, key) => store.read(key) } = options;
  const twins =
    options.twins ??
    (async () => {
      const store = await make();
      return [store, store] as const;
    });

  describe(`store contract: ${name}`, () => {
    it("declares what it can do", async () => {
      const store = await make();
      expect(store.atomic).toBe(atomic);
      expect(["context", "origin", "everywhere"]).toContain(store.shared);
      expect(["string", "undefined"]).toContain(typeof store.namespace);
      const scope = await store.scope?.();
      expect(scope ?? "").toMatch(/^\w{0,64}$/);
      expect(await store.scope?.()).toBe(scope);
      expect(await store.list("")).toEqual([]);
    });

    it("what it stores is JSON, but for `keys` where it declares to keep them [F89]", async () => {
      const store = await make();
      const { subtle } = crypto as Partial<Crypto>;
      const proof = await subtle?.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
      const written = record({ attemptId: "attempt-1", ...(proof && { keys: { proof } }) });
      expect(await store.write("a", written, undefined)).toBe(true);
      const found = { ...((await stored(store, "a")) as StoredRecord) };
      const { keys = {}, ...json } = found;
      expect(json).toEqual(JSON.parse(JSON.stringify(json)));
      if (!store.keepsKeys) expect(keys).toEqual({});
      for (const key of Object.values(keys)) expect(key).toBeInstanceOf(CryptoKey);
      const read = { ...(await store.read("a")) };
      const { keys: _, ...rest } = written;
      expect(read).toEqual(store.keepsKeys ? written : rest);
      if (proof && store.keepsKeys) expect(read.keys!["proof"]).toBeInstanceOf(CryptoKey);
      // The clear part holds no key.
      expect({ ...(await store.head("a")) }).toEqual(headOf(written));
    });

    it("has nothing under an unused key", async () => {
      const store = await make();
      expect(await store.read("a")).toBeUndefined();
      expect(await store.head("a")).toBeUndefined();
      expect(await store.list("")).toEqual([]);
    });

    it("gives back what was written, for every JSON value", async () => {
      const store = await make();
      const body = {
        text: 'ü "\u2028" \\ 🔑\u0000',
        nested: { list: [1, 1.5, -0.25, true, false, null, [], {}] },
        empty: "",
        long: "x".repeat(20_000),
      };
      const written = record({ attemptId: "attempt-1", body });
      expect(await store.write("a", written, undefined)).toBe(true);
      expect(await store.read("a")).toEqual(written);
    });

    it("a head is the clear part and nothing else [P8]", async () => {
      const store = await make();
      const written = record({ attemptId: "attempt-1", revision: 7 });
      await store.write("a", written, undefined);
      const head = await store.head("a");
      expect({ ...head }).toEqual(headOf(written));
      expect(Object.keys(head!)).not.toContain("body");
      expect(await store.read("a")).toEqual(written);
    });

    it("writes where the head is the expected one [P3]", async () => {
      const store = await make();
      const first = record();
      const second = record({ revision: 2, attemptId: "attempt-1", body: { generation: 2 } });
      await store.write("a", first, undefined);
      expect(await store.write("a", second, headOf(first))).toBe(true);
      expect(await store.read("a")).toEqual(second);
    });

    it("a write against a stale revision changes nothing [P3]", async () => {
      const store = await make();
      const first = record();
      const second = record({ revision: 2, body: { generation: 2 } });
      await store.write("a", first, undefined);
      await store.write("a", second, headOf(first));
      const late = record({ revision: 2, body: { generation: 66 } });
      expect(await store.write("a", late, headOf(first))).toBe(false);
      expect(await store.write("a", undefined, headOf(first))).toBe(false);
      expect(await store.read("a")).toEqual(second);
    });

    it("the same revision of another session is refused [P3 P4]", async () => {
      const store = await make();
      const mine = record();
      const theirs = record({ sessionId: "session-2", body: { generation: 5 } });
      await store.write("a", theirs, undefined);
      const next = record({ revision: 2 });
      expect(await store.write("a", next, headOf(mine))).toBe(false);
      expect(await store.write("a", undefined, headOf(mine))).toBe(false);
      expect(await store.read("a")).toEqual(theirs);
    });

    it("creates only where nothing is, replaces only where something is [P3]", async () => {
      const store = await make();
      const first = record();
      expect(await store.write("a", record({ revision: 2 }), headOf(first))).toBe(false);
      expect(await store.read("a")).toBeUndefined();
      expect(await store.write("a", first, undefined)).toBe(true);
      expect(await store.write("a", record({ sessionId: "session-2" }), undefined)).toBe(false);
      expect(await store.write("a", undefined, undefined)).toBe(false);
      expect(await store.read("a")).toEqual(first);
    });

    it("deletes where the head is the expected one", async () => {
      const store = await make();
      await store.write("a", record(), undefined);
      await store.write("b", record({ sessionId: "session-2" }), undefined);
      expect(await store.write("a", undefined, headOf(record()))).toBe(true);
      expect(await store.read("a")).toBeUndefined();
      expect(await store.list("")).toEqual(["b"]);
      expect(await store.write("a", record({ sessionId: "session-3" }), undefined)).toBe(true);
    });

    it("a tombstone replaces the session, has no body and is listed [P4 S14]", async () => {
      const store = await make();
      await store.write("a", record(), undefined);
      const tombstone: StoredRecord = {
        format: 1,
        sessionId: "session-1",
        revision: 2,
        tombstone: true,
      };
      expect(await store.write("a", tombstone, headOf(record()))).toBe(true);
      expect({ ...(await store.read("a")) }).toEqual(tombstone);
      expect({ ...(await store.head("a")) }).toEqual(tombstone);
      expect(await store.list("a")).toEqual(["a"]);
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(false);
    });

    it("lists the keys with a prefix and no others", async () => {
      const store = await make();
      const keys = ["p", "p/", "p/a", "p/a/b", "p/\u00fc", "p/\u{1f511}", "p0", "q/a", "P/a"];
      for (const key of keys) await store.write(key, record({ sessionId: key }), undefined);
      expect((await store.list("p/")).toSorted()).toEqual(
        ["p/", "p/a", "p/a/b", "p/\u00fc", "p/\u{1f511}"].toSorted(),
      );
      expect((await store.list("")).toSorted()).toEqual(keys.toSorted());
      expect(await store.list("none")).toEqual([]);
    });

    it("keys are only names, and each has its own record [S10 S11]", async () => {
      const store = await make();
      const keys = ["__proto__", "constructor", "toString", "", "a", "A"];
      for (const key of keys) expect(await store.read(key)).toBeUndefined();
      for (const key of keys)
        expect(await store.write(key, record({ sessionId: `of ${key}` }), undefined)).toBe(true);
      for (const key of keys) expect((await store.read(key))?.sessionId).toBe(`of ${key}`);
    });

    it.runIf(atomic)("of many that create at once, one does [P3 F28]", async () => {
      const [one, two] = await twins();
      const tries = Array.from({ length: 8 }, (_, at) =>
        record({ sessionId: `session-${at}`, body: { generation: at } }),
      );
      const won = await Promise.all(
        tries.map((next, at) => (at % 2 ? one : two).write("a", next, undefined)),
      );
      expect(won.filter(Boolean)).toEqual([true]);
      expect(await one.read("a")).toEqual(tries[won.indexOf(true)]);
      expect(await two.read("a")).toEqual(tries[won.indexOf(true)]);
    });

    it.runIf(atomic)(
      "of many that replace or delete the same record at once, one does [P3]",
      async () => {
        const [one, two] = await twins();
        await one.write("a", record(), undefined);
        const tries = [2, 3, 4, 5, 6, 7].map((at) =>
          at === 4 ? undefined : record({ revision: 2, body: { generation: at } }),
        );
        const won = await Promise.all(
          tries.map((next, at) => (at % 2 ? one : two).write("a", next, headOf(record()))),
        );
        expect(won.filter(Boolean)).toEqual([true]);
        expect(await two.read("a")).toEqual(tries[won.indexOf(true)]);
      },
    );

    it.runIf(atomic)("no change is lost when all try until they succeed [P3 F37]", async () => {
      const stores = await twins();
      await stores[0].write("a", record({ revision: 0, body: { writers: [] } }), undefined);
      const writers = [0, 1, 2, 3];
      await Promise.all(
        writers.map(async (writer) => {
          const store = stores[writer % 2]!;
          for (let left = 3; left;) {
            const current = (await store.read("a"))!;
            const { writers: before } = current.body as { writers: number[] };
            const next = record({
              revision: current.revision + 1,
              body: { writers: [...before, writer] },
            });
            if (await store.write("a", next, current)) left--;
          }
        }),
      );
      const last = (await stores[1].read("a"))!;
      expect(last.revision).toBe(12);
      expect((last.body as { writers: number[] }).writers.toSorted()).toEqual(
        writers.flatMap((writer) => [writer, writer, writer]),
      );
    });
  });
}
