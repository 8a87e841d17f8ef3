/**
 * Sessions in IndexedDB, for every tab and worker of an origin. `idb-keyval` brings the promises; the
 * store function is ours, for what its own lacks: strict durability, deadlines, connections that
 * come back and never block another copy of the page.
 *
 * @module
 */
import { promisifyRequest } from "idb-keyval";
import { fail, parseStored } from "../guard/stored.ts";
import { VaultError } from "../errors.ts";
import type { StoredRecord, TokenStore } from "../types.ts";

const STORE = "records";

/**
 * Keeps records in one IndexedDB database, with a strictly durable compare-and-set.
 *
 * @param options `database`: its name, `"tokenkeep"` by default. `timeout`: how many milliseconds one
 * try may take, 4000 by default; a dead connection is tried twice. `indexedDB`: the factory, the global one by default.
 * @returns a store that is atomic and shared by the origin. Its methods reject with a `VaultError`,
 * code `store_unavailable`, when IndexedDB is missing, denied, full, broken or silent, and when a
 * record is of another format, which is left untouched. Each call tries anew.
 *
 * @example
 * ```ts
 * import { indexedDbStore } from "tokenkeep/stores/indexeddb";
 *
 * const store = indexedDbStore({ database: "my-app" });
 * ```
 */
export function indexedDbStore(
  options: { database?: string; timeout?: number; indexedDB?: IDBFactory } = {},
): TokenStore {
  const { database = "tokenkeep", timeout = 4000 } = options;
  let connection: Promise<IDBDatabase> | undefined;

  async function open(): Promise<IDBDatabase> {
    const request = (options.indexedDB ?? indexedDB).open(database);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    const db = await promisifyRequest(request);
    // Else another copy's upgrade, or "clear site data", would wait for us.
    db.onversionchange = () => db.close();
    return db;
  }

  const use = async <T>(
    mode: IDBTransactionMode,
    callback: (store: IDBObjectStore) => T | PromiseLike<T>,
    again = true,
  ): Promise<T> => {
    const mine = (connection ??= open());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      // Above 2^31 it would fire at once (F15).
      timer = setTimeout(reject, Math.min(timeout, 1e9));
    });
    try {
      const db = await Promise.race([mine, late]);
      const store = db.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE);
      // From here on a write may have been done; to do it once more would compare it with itself.
      again &&= mode === "readonly";
      return await Promise.race([callback(store), late]);
    } catch (error) {
      if (error instanceof VaultError) throw error;
      if (connection === mine) connection = undefined;
      // Also when it opens after the deadline.
      mine.then(
        (db) => db.close(),
        () => {},
      );
      // Browsers close connections under us (F25). The deadline comes without an error.
      if (again && error) return use(mode, callback, false);
      return fail("IndexedDB unavailable: nothing is lost, allow site data, free disk space");
    } finally {
      clearTimeout(timer);
    }
  };

  const read = async (key: string): Promise<StoredRecord | undefined> =>
    parseStored(await use("readonly", (store) => promisifyRequest<unknown>(store.get(key))));

  return {
    atomic: true,
    shared: "origin",
    async head(key) {
      const record = await read(key);
      if (record) delete (record as { body?: unknown }).body;
      return record;
    },
    read,
    write: (key, next, expected) =>
      use("readwrite", async (store) => {
        const current = parseStored(await promisifyRequest<unknown>(store.get(key)));
        if (current?.sessionId !== expected?.sessionId || current?.revision !== expected?.revision)
          return false;
        if (next) store.put(next, key);
        else store.delete(key);
        // A request's success is not durable yet; the transaction's end is.
        await promisifyRequest(store.transaction);
        return true;
      }),
    async list(prefix) {
      const keys = await use("readonly", (store) => promisifyRequest(store.getAllKeys()));
      // A key of another kind has no such method: it is none of ours.
      return (keys as string[]).filter((key) => key.startsWith?.(prefix));
    },
  };
}
