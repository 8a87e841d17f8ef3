/**
 * Sessions in a Durable Object's own SQLite storage: strongly consistent, in one place.
 *
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import {
  DEADLINE,
  fail,
  headOf,
  inTime,
  isExpected,
  parseStored,
  withoutKeys,
} from "../guard/stored.ts";
import { because, VaultError } from "../errors.ts";
import type { StoredRecord, TokenStore } from "../types.ts";

/** The part of `ctx.storage` that is used, so that nobody else needs Cloudflare's types. */
export interface DurableStorage {
  transactionSync<T>(closure: () => T): T;
  /** Resolves when everything written so far is on disk. */
  sync(): Promise<void>;
  readonly kv: {
    get(key: string): unknown;
    put(key: string, value: unknown): void;
    delete(key: string): boolean;
    list(options: { prefix: string }): Iterable<[string, unknown]>;
  };
}

/** The options of {@link durableObjectStore}. */
export interface DurableObjectOptions {
  /**
   * The object's id, `ctx.id.toString()`: sealing binds it, so that a record of one object does not open
   * in another. None by default.
   */
  readonly namespace?: string;
  /** How many milliseconds a write may take to reach the disk; 4000 by default. */
  readonly timeout?: number;
}

/** Keeps records apart from the object's other data. With it, no key is empty. */
const PREFIX = "tokenkeep:";

/**
 * Keeps records in the storage of the Durable Object that calls it, with a durable compare-and-set.
 * `tokenkeep/cloudflare` wires this store; use it yourself in an object of your own.
 *
 * @param storage `ctx.storage` of an object whose class stands in `new_sqlite_classes`
 * @returns a store with compare-and-set, seen by this object only. Its methods reject with a `VaultError`,
 * code `store_unavailable`, when the storage fails, and when a record is of another format.
 * @throws `VaultError`, code `invalid_option`, when the object's class has no SQLite storage, and for a
 * `timeout` that is none
 *
 * @see https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { type DurableStorage, durableObjectStore } from "tokenkeep/stores/durable-object";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * const open = (ctx: { storage: DurableStorage }) =>
 *   createVault({ provider: vmcloud(), store: durableObjectStore(ctx.storage) });
 * ```
 */
export function durableObjectStore(
  storage: DurableStorage,
  options: DurableObjectOptions = {},
): TokenStore {
  const { namespace, timeout = DEADLINE } = own(options);
  checkAmounts({ timeout });
  try {
    storage.kv.get(PREFIX);
  } catch {
    throw because(
      "invalid_option",
      "this Durable Object has no SQLite storage",
      'In wrangler.jsonc list its class in "new_sqlite_classes" of a migration, not in "new_classes"',
    );
  }

  /** Runs in one task: nothing comes between what it reads and what it writes. */
  async function use<T>(task: () => T): Promise<T> {
    try {
      return storage.transactionSync(task);
    } catch (error) {
      if (error instanceof VaultError) throw error;
      return fail("the object's storage fails");
    }
  }

  const get = (key: string): StoredRecord | undefined => parseStored(storage.kv.get(PREFIX + key));

  return {
    atomic: true,
    shared: "context",
    ...(namespace !== undefined && { namespace }),
    // One object has one storage, and an attempt's lock never leaves it.
    scope: async () => "object",
    head: (key) =>
      use(() => {
        const record = get(key);
        return record && headOf(record);
      }),
    read: (key) => use(() => get(key)),
    async write(key, next, expected) {
      const written = await use(() => {
        const current = get(key);
        if (!isExpected(current, expected)) return false;
        if (next) storage.kv.put(PREFIX + key, withoutKeys(next));
        else storage.kv.delete(PREFIX + key);
        return true;
      });
      // The output gate would hold the reply anyway, but "written" promises durable here too.
      if (written)
        await inTime(
          timeout,
          () => storage.sync(),
          () => ["the object's storage does not answer"],
        );
      return written;
    },
    list: (prefix) =>
      use(() =>
        Array.from(storage.kv.list(own({ prefix: PREFIX + prefix })), ([key]) =>
          key.slice(PREFIX.length),
        ),
      ),
  };
}
