/** An object's storage: the deed, and the session's sealed record. */
import { isObject, own } from "../guard/json.ts";
import { durableObjectStore, type DurableStorage } from "../stores/durable-object.ts";
import type { Session, TokenStore } from "../types.ts";
import type { AlarmStorage } from "./alarm.ts";
import { createDeed, type DeedBox } from "./deed.ts";

/** The part of a Durable Object's `ctx` that is used. */
export interface ObjectContext {
  /** The id of this object alone, among all objects of all classes. An object is found by nothing else. */
  readonly id: { toString(): string; readonly jurisdiction?: string };
  readonly storage: DurableStorage &
    AlarmStorage & {
      /** Frees the database itself, with all tables. */
      deleteAll(): Promise<void>;
      readonly sql?: { exec(query: string): Iterable<unknown> };
    };
  waitUntil(promise: Promise<unknown>): void;
}

export interface Shelf {
  readonly deed: DeedBox;
  /** The records as they lie, sealed. */
  readonly sealed: TokenStore;
  /** The revision of the stored record, above each revision of an earlier life. */
  revision(key: string, session?: Session): Promise<number>;
  /** The id of the key that seals the stored session. */
  keyId(key: string): Promise<string | undefined>;
  /** Gives the storage back, if the account was removed and has not come back meanwhile. */
  clear(key: string, isLeaving: () => boolean): Promise<boolean>;
}

/** Tables that are not SQLite's own, nor the platform's. */
const TABLES =
  "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'";

/** Whether nothing is left: a class that extends this one may keep something of its own, in tables too. */
function isEmpty({ kv, sql }: ObjectContext["storage"]): boolean {
  for (const _ of kv.list({ prefix: "" })) return false;
  for (const _ of sql?.exec(TABLES) ?? []) return false;
  return true;
}

export function openShelf({ id, storage }: ObjectContext, now: () => number): Shelf {
  // Made first, because it throws a clear error for a class without SQLite storage.
  const sealed = durableObjectStore(storage, { namespace: id.toString() });
  const deed = createDeed(storage.kv, now);
  return {
    deed,
    sealed,
    async revision(key, session) {
      const { base = now() } = own({ ...deed.read() });
      if (session) return base + session.revision;
      const head = await sealed.head(key).catch(() => undefined);
      return base + (head?.revision ?? 0);
    },
    async keyId(key) {
      const record = await sealed.read(key);
      const kid = isObject(record?.body) ? record.body["kid"] : undefined;
      return typeof kid === "string" ? kid : undefined;
    },
    async clear(key, isLeaving) {
      if (!isLeaving() || deed.debt()) return false;
      const head = await sealed.head(key);
      if (head && (!head.tombstone || !(await sealed.write(key, undefined, head)))) return false;
      if (!isLeaving()) return false;
      deed.drop();
      await storage.deleteAlarm();
      if (isEmpty(storage)) await storage.deleteAll();
      return true;
    },
  };
}
