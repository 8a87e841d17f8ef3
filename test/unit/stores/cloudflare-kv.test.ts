/** What KV is told of times; and a write that it answers late, or never: the next one waits, and not for ever. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { cloudflareKvStore, type KvNamespace } from "../../../src/stores/cloudflare-kv.ts";
import type { StoredRecord } from "../../../src/types.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const record = (sessionId: string): StoredRecord => ({ format: 1, sessionId, revision: 1 });

/** Its first `put` is done when it is let go. */
function slowKv() {
  const entries = new Map<string, { value: string; metadata: unknown }>();
  let letGo = (): void => {};
  let puts = 0;
  const kv = {
    async getWithMetadata(name: string) {
      return entries.get(name) ?? { value: null, metadata: null };
    },
    async put(name: string, value: string, { metadata }: { metadata: unknown }) {
      puts += 1;
      if (puts === 1) await new Promise<void>((resolve) => (letGo = resolve));
      entries.set(name, { value, metadata });
    },
  };
  const store = cloudflareKvStore(kv as unknown as KvNamespace, { timeout: 1_000 });
  return { store, letGo: () => letGo(), puts: () => puts };
}

it("a write waits for the one before it, and finds what that has written [P3 P4]", async () => {
  const { store, letGo, puts } = slowKv();
  const first = expect(store.write("a", record("one"), undefined)).rejects.toMatchObject({
    reason: "timed_out",
  });
  await vi.advanceTimersByTimeAsync(1_000);
  await first;
  const second = store.write("a", record("two"), undefined);
  await vi.advanceTimersByTimeAsync(500);
  expect(puts()).toBe(1);
  letGo();
  expect(await second).toBe(false);
  expect(await store.head("a")).toMatchObject({ sessionId: "one" });
});

it("of two writes that begin together one finds what the other has written [P3 P4]", async () => {
  const { store, letGo } = slowKv();
  const first = store.write("a", record("one"), undefined);
  const others = [record("two"), undefined].map((next) => store.write("a", next, undefined));
  await vi.advanceTimersByTimeAsync(500);
  letGo();
  expect(await Promise.all([first, ...others])).toEqual([true, false, false]);
  const { sessionId, revision, format } = record("one");
  const head = { sessionId, revision, format } as const;
  const next = ["three", "four"].map((name) => store.write("a", record(name), head));
  expect(await Promise.all(next)).toEqual([true, false]);
  expect(await store.head("a")).toMatchObject({ sessionId: "three" });
});

it("a write that gave up while it waited lets nobody overtake the one before it [P3 P4]", async () => {
  const { store, letGo, puts } = slowKv();
  const early = ["one", "two"].map((name) =>
    expect(store.write("a", record(name), undefined)).rejects.toThrow(/KV/),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all(early);
  const third = store.write("a", record("three"), undefined);
  await vi.advanceTimersByTimeAsync(500);
  expect(puts()).toBe(1);
  letGo();
  expect(await third).toBe(false);
});

it("a write that is never answered keeps no other key waiting, and its own two minutes [F31]", async () => {
  const { store } = slowKv();
  store.write("a", record("one"), undefined).catch(() => {});
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await store.write("b", record("one"), undefined)).toBe(true);
  const early = expect(store.write("a", record("two"), undefined)).rejects.toThrow(/KV/);
  await vi.advanceTimersByTimeAsync(1_000);
  await early;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await store.write("a", record("two"), undefined)).toBe(true);
});

it.each([
  [{}, 30, undefined],
  [{ cacheTtl: 1, expiresIn: 1 }, 30, 60],
  [{ cacheTtl: 90_001, expiresIn: 90_001 }, 91, 91],
  [{ cacheTtl: Infinity, expiresIn: Infinity }, 2 ** 31 - 1, undefined],
])(
  "%o: KV caches for %i s, and keeps for %s [F33 P10]",
  async (options, cacheTtl, expirationTtl) => {
    const getWithMetadata = vi.fn(async () => ({ value: null, metadata: null }));
    const put = vi.fn(async () => {});
    const store = cloudflareKvStore({ getWithMetadata, put } as never, options);
    await store.write("a", record("one"), undefined);
    expect(getWithMetadata).toHaveBeenCalledWith("tokenkeep:a", { type: "text", cacheTtl });
    const { sessionId, revision } = record("one");
    const metadata = expect.objectContaining({ sessionId, revision }) as object;
    const lasting = expirationTtl === undefined ? {} : { expirationTtl };
    expect(put).toHaveBeenCalledExactlyOnceWith("tokenkeep:a", "", { metadata, ...lasting });
  },
);
