/**
 * Sessions in the memory of this context: gone when the context ends, and seen by nobody else.
 *
 * @module
 */
import { headOf, isExpected } from "../guard/stored.ts";
import type { StoredRecord, TokenStore } from "../types.ts";

/**
 * Keeps records in memory, as they are. It is for servers and scripts that sign in anew at each start, and
 * for tests.
 *
 * @returns a store with compare-and-set, which is shared with nobody and never rejects
 *
 * @example
 * ```ts
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const store = memoryStore();
 * await store.list(""); // []
 * ```
 */
export function memoryStore(): TokenStore {
  const records = new Map<string, StoredRecord>();
  return {
    atomic: true,
    shared: "context",
    keepsKeys: true,
    async head(key) {
      const record = records.get(key);
      return record && headOf(record);
    },
    read: async (key) => records.get(key),
    async write(key, next, expected) {
      const current = records.get(key);
      if (!isExpected(current, expected)) return false;
      if (next) records.set(key, next);
      else records.delete(key);
      return true;
    },
    list: async (prefix) => [...records.keys()].filter((key) => key.startsWith(prefix)),
  };
}
