/**
 * Sessions in IndexedDB, for every tab and worker of an origin. `idb-keyval` brings the promises. Its own
 * store function has no strict durability and no deadlines, does not reopen a lost connection, and blocks
 * another copy's upgrade: so the one here takes its place.
 *
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { KEYS_LOST } from "../guard/keys-lost.ts";
import { memberOf } from "../guard/thrown.ts";
import { promisifyRequest } from "idb-keyval";
import {
  type Cause,
  DEADLINE,
  fail,
  headOf,
  inTime,
  isExpected,
  isId,
  parseStored,
} from "../guard/stored.ts";
import { VaultError } from "../errors.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** What is stored, where WebKit gives `null` for a whole row because it cannot unwrap the key in it (F27). */
const UNREADABLE: RecordHead = own({ format: 1, sessionId: "", revision: 0 });

const ANOTHERS: Cause = ["the database is another's", "Pass indexedDbStore({ database })"];

const DENIED: Cause = [
  "IndexedDB is denied, full or silent",
  "Allow site data, free disk space: nothing is lost",
];

/** By the error's name. */
const CAUSES: Readonly<Record<string, Cause>> = own({
  // An object store of this name that makes its keys itself.
  DataError: ANOTHERS,
  DataCloneError: KEYS_LOST,
});

const STORE = "records";
/** The key of the scope's id. It is no text, so that it is never listed as a record. */
const SCOPE = ["scope"];

/**
 * Keeps records in one IndexedDB database, with a strictly durable compare-and-set.
 *
 * @param options `database`: the database's name, `"tokenkeep"` by default; nobody else may open it. `timeout`: how many
 * milliseconds a call may take, 4000 by default; within them a dead connection is tried twice.
 * `indexedDB`: the factory, the global one by default.
 * @returns a store with compare-and-set, shared by the origin. Its methods reject with a `VaultError`,
 * code `store_unavailable`, when IndexedDB is missing, denied, full, broken or silent, when the
 * database belongs to an application, and when a record is of another format, which is left untouched.
 * Each call tries anew.
 * @throws `VaultError`, code `invalid_option`, for a `timeout` that is none
 * @see https://w3c.github.io/IndexedDB/#transaction-durability-hint
 *
 * @example
 * ```ts
 * import { indexedDbStore } from "tokenkeep/stores/indexeddb";
 *
 * const store = indexedDbStore({ database: "my-app-sessions" });
 * ```
 */
export function indexedDbStore(
  options: { database?: string; timeout?: number; indexedDB?: IDBFactory } = {},
): TokenStore {
  const { database = "tokenkeep", timeout = DEADLINE, indexedDB: factory } = own(options);
  checkAmounts({ timeout });
  let connection: Promise<IDBDatabase> | undefined;
  let scope: string | undefined;

  async function open(version?: number): Promise<IDBDatabase> {
    const request = (factory ?? indexedDB).open(database, version);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    const db = await promisifyRequest(request);
    // Else another copy's upgrade, or "clear site data", would wait for this connection.
    db.onversionchange = () => {
      db.close();
      scope = undefined;
    };
    const stores = db.objectStoreNames;
    if (stores.contains(STORE)) return db;
    db.close();
    // A database that was only ever opened is taken over (F74). One with other object stores is an
    // application's: a higher version would shut the application out.
    return stores.length === 0 ? open(db.version + 1) : fail(...ANOTHERS);
  }

  function connect(): Promise<IDBDatabase> {
    const mine = open();
    mine.catch(() => letGo(mine));
    return mine;
  }

  /** The next call opens anew; this connection is closed, also when it comes after the deadline. */
  function letGo(mine: Promise<IDBDatabase>): void {
    if (connection === mine) connection = undefined;
    mine.then(
      (db) => db.close(),
      () => {},
    );
  }

  const use = <T>(
    mode: IDBTransactionMode,
    callback: (store: IDBObjectStore) => T | PromiseLike<T>,
  ): Promise<T> =>
    inTime(
      timeout,
      async (late) => {
        for (let again = true; ; again = false) {
          connection ??= connect();
          const mine = connection;
          try {
            const db = await Promise.race([mine, late]);
            const store = db.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE);
            // From here on a write may have been done: once more, it would be compared with itself.
            again &&= mode === "readonly";
            return await Promise.race([callback(store), late]);
          } catch (error) {
            if (error instanceof VaultError) throw error;
            letGo(mine);
            // Browsers close connections by themselves (F25). The deadline rejects without an error.
            if (!again || !error) throw error;
          }
        }
      },
      (error) => CAUSES[String(memberOf(error, "name"))] ?? DENIED,
    );

  const get = (store: IDBObjectStore, key: IDBValidKey): Promise<unknown> =>
    promisifyRequest<unknown>(store.get(key));

  async function getRecord(store: IDBObjectStore, key: string): Promise<StoredRecord | undefined> {
    const row = await get(store, key);
    return parseStored(row === null ? UNREADABLE : row);
  }

  const read = (key: string): Promise<StoredRecord | undefined> =>
    use("readonly", (store) => getRecord(store, key));

  /** Of many contexts that start together, one adds the id; the others read it. */
  const makeScope = (): Promise<unknown> =>
    use("readwrite", async (store) => {
      const found = await get(store, SCOPE);
      if (found !== undefined) return found;
      const id = crypto.getRandomValues(new Uint32Array(4)).join("_");
      store.add(id, SCOPE);
      await promisifyRequest(store.transaction);
      return id;
    });

  return {
    atomic: true,
    shared: "origin",
    keepsKeys: true,
    namespace: database,
    async scope() {
      const found =
        scope ?? (await use("readonly", (store) => get(store, SCOPE))) ?? (await makeScope());
      scope = isId(found) ? found : undefined;
      return scope;
    },
    async head(key) {
      const record = await read(key);
      return record && headOf(record);
    },
    read,
    write: (key, next, expected) =>
      use("readwrite", async (store) => {
        const current = await getRecord(store, key);
        if (!isExpected(current, expected)) return false;
        if (next) store.put(next, key);
        else store.delete(key);
        // A request's success is not durable yet; the transaction's end is.
        await promisifyRequest(store.transaction);
        return true;
      }),
    async list(prefix) {
      const keys = await use("readonly", (store) => promisifyRequest(store.getAllKeys()));
      // Any other key is not a record's (F81).
      return keys.filter((key): key is string => typeof key === "string" && key.startsWith(prefix));
    },
  };
}
