/**
 * Sessions in Deno KV, for every process and isolate that opens the same database. A write is one
 * atomic operation that checks the versionstamp; reads are strongly consistent.
 *
 * @see https://docs.deno.com/deploy/kv/
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { DEADLINE, headOf, inTime, isExpected, parseStored, withoutKeys } from "../guard/stored.ts";
import { because } from "../errors.ts";
import type { StoredRecord, TokenStore } from "../types.ts";

/** The part of `Deno.Kv` that is used, so that nobody else needs Deno's types. */
export interface DenoKv {
  get(
    key: readonly string[],
    options: { consistency: "strong" },
  ): Promise<{ readonly value: unknown; readonly versionstamp: string | null }>;
  list(
    selector: { prefix: readonly string[]; start: readonly string[] },
    options: { consistency: "strong" },
  ): AsyncIterable<{ readonly key: readonly unknown[] }>;
  atomic(): DenoKvWrite;
}

/** The part of `Deno.AtomicOperation` that is used. */
export interface DenoKvWrite {
  check(check: { key: readonly string[]; versionstamp: string | null }): DenoKvWrite;
  set(key: readonly string[], value: unknown): DenoKvWrite;
  delete(key: readonly string[]): DenoKvWrite;
  commit(): Promise<{ readonly ok: boolean }>;
}

/** The options of {@link denoKvStore}. */
export interface DenoKvStoreOptions {
  /** The beginning of each record's key, bound into the seal; `["tokenkeep"]` by default. */
  readonly prefix?: readonly string[];
  /** How many milliseconds a call may take; 4000 by default. */
  readonly timeout?: number;
}

const strong = own({ consistency: "strong" } as const);

/**
 * Keeps records in a Deno KV database, as they are: wrap the store in `encrypted` with a key ring.
 *
 * @param kv the database, `await Deno.openKv()`; it stays open
 * @returns a store with compare-and-set, shared by all processes that open the database. Its methods reject with a
 * `VaultError`, code `store_unavailable`, when the database is closed, out of reach or silent, when a
 * record exceeds Deno KV's 64 KiB or its key 2 KiB, and when a record is of another format, which is
 * left untouched.
 * @throws `VaultError`, code `invalid_option`, for anything but a database, such as a promise of one, and for a
 * `timeout` that is none
 *
 * @example
 * ```ts
 * import { denoKvStore } from "tokenkeep/stores/deno-kv";
 * import { encrypted, keyring } from "tokenkeep/stores/encrypted";
 *
 * const keys = keyring(Deno.env.get("TOKENKEEP_KEYS") ?? "");
 * const store = encrypted(denoKvStore(await Deno.openKv()), keys);
 * ```
 */
export function denoKvStore(kv: DenoKv, options: DenoKvStoreOptions = {}): TokenStore {
  const { prefix = ["tokenkeep"], timeout = DEADLINE } = own(options);
  checkAmounts({ timeout });
  // A promise of a database has none of its methods.
  if (!kv?.atomic)
    throw because("invalid_option", "kv is no database", "Pass kv: await Deno.openKv()");

  /** Within the deadline; again for as long as SQLite says that another connection has it locked. */
  const use = <T>(call: (late: Promise<never>) => Promise<T>): Promise<T> =>
    inTime(
      timeout,
      async (late) => {
        let over = false;
        late.catch(() => {
          over = true;
        });
        for (;;) {
          try {
            return await call(late);
          } catch (error) {
            // The first statement that writes has failed, so nothing is written.
            if (over || !/is locked/.test(String(error))) throw error;
            await new Promise((resolve) => setTimeout(resolve, 5 + 15 * Math.random()));
          }
        }
      },
      // Deno's own words may show the key or the value.
      (error) =>
        /too large/.test(String(error))
          ? ["Deno KV takes 64 KiB a record and 2 KiB a key", "Keep less in the session"]
          : ["Deno KV does not answer"],
    );

  async function get(
    key: string,
  ): Promise<{ record: StoredRecord | undefined; versionstamp: string | null }> {
    const { value, versionstamp } = await kv.get([...prefix, key], strong);
    return { record: parseStored(versionstamp === null ? undefined : value), versionstamp };
  }

  const read = (key: string): Promise<StoredRecord | undefined> =>
    use(async () => (await get(key)).record);

  return {
    atomic: true,
    shared: "everywhere",
    namespace: JSON.stringify(prefix),
    async head(key) {
      const record = await read(key);
      return record && headOf(record);
    },
    read,
    write: (key, next, expected) =>
      use(async (late) => {
        // After the deadline no write begins: the caller has been told that it failed.
        const { record, versionstamp } = await Promise.race([late, get(key)]);
        if (!isExpected(record, expected)) return false;
        const at = [...prefix, key];
        const write = kv.atomic().check({ key: at, versionstamp });
        const { ok } = await (next ? write.set(at, withoutKeys(next)) : write.delete(at)).commit();
        return ok;
      }),
    list: (begin) =>
      use(async () => {
        const keys: string[] = [];
        for await (const { key } of kv.list(own({ prefix, start: [...prefix, begin] }), strong)) {
          const name = key[prefix.length];
          // Keys are sorted: those with the same beginning stand together. Deeper ones are no records.
          if (typeof name !== "string" || !name.startsWith(begin)) break;
          if (key.length === prefix.length + 1) keys.push(name);
        }
        return keys;
      }),
  };
}
