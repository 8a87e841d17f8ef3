/**
 * What a page needs until it is back from the login: sealed, bound to its `state`, for ten minutes, and taken
 * out once. It stands in IndexedDB, because the page that comes back is another one.
 */
import { isObject, own, parse } from "../guard/json.ts";
import { within } from "../guard/within.ts";
import { refusal } from "../worker/refusal.ts";

/** What a login was begun with. */
export interface Pending {
  readonly codeVerifier: string;
  readonly nonce: string | undefined;
  readonly maxAge: number | undefined;
  /** Milliseconds since the epoch. */
  readonly begunAt: number;
  readonly redirectUri: string;
  /** The issuer that the callback has to name, if it names any. */
  readonly issuer: string | undefined;
  /** Whether the server has promised to name itself (RFC 9207). */
  readonly namesIssuer: boolean;
  /** The scope that was asked for. */
  readonly scope: string | undefined;
  /** The place that the user came from: a path. */
  readonly returnTo: string;
}

/**
 * Why there is nothing for a callback: its login was completed before, was begun more than ten minutes ago,
 * or was never begun here.
 */
export type Missing = "used" | "expired" | "unknown";

/** One login. Without a key it is a mark that remembers its end. */
interface Entry {
  readonly at: number;
  readonly end?: Exclude<Missing, "unknown">;
  readonly key?: CryptoKey;
  readonly iv?: Uint8Array<ArrayBuffer>;
  readonly data?: ArrayBuffer;
}

const DATABASE = "tokenkeep-oauth";
const STORE = "logins";
/** Milliseconds. */
const LIFE = 600_000;
const REMEMBERED = 7 * 86_400_000;
const PATIENCE = 4_000;
/** More logins than that are under way in no browser. */
const MOST = 50;

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function open(version?: number): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, version);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  const db = await settled(request);
  // Else "clear site data" would wait for this connection.
  db.onversionchange = () => db.close();
  if (db.objectStoreNames.contains(STORE)) return db;
  // A database that was only ever opened is taken over (F74).
  db.close();
  return open(db.version + 1);
}

type Deed<T> = (store: IDBObjectStore) => Promise<T>;

/**
 * One transaction; its end is awaited, because the page may be left at once. A deed whose caller was told of a
 * failure is not done behind their back: the login would be taken, and nobody would have it.
 */
async function transact<T>(deed: Deed<T>, late: AbortSignal): Promise<{ value: T }> {
  const db = await open();
  try {
    late.throwIfAborted();
    const transaction = db.transaction(STORE, "readwrite");
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    // Where the deed fails first, nobody waits for this.
    done.catch(() => {});
    const giveUp = (): void => {
      try {
        transaction.abort();
      } catch {
        // It was over already.
      }
    };
    late.addEventListener("abort", giveUp);
    const value = await deed(transaction.objectStore(STORE)).catch((error: unknown) => {
      giveUp();
      throw error;
    });
    await done;
    return { value };
  } finally {
    db.close();
  }
}

/** A database that is denied, full or silent says so in time (F26); one that broke off is opened anew (F25). */
async function use<T>(deed: Deed<T>): Promise<T> {
  const limit = new AbortController();
  const { signal } = limit;
  const tries = transact(deed, signal).catch(() => transact(deed, signal));
  const done = await within(tries, PATIENCE).catch(() => undefined);
  if (done) return done.value;
  limit.abort();
  tries.catch(() => {});
  const message =
    "Cannot sign in: IndexedDB is denied, full or silent. " +
    "Allow site data, free disk space, and try again: nothing is lost.";
  throw refusal({ code: "store_unavailable", message });
}

/** An entry as the database gives it: each member is its own (S15). */
const entryIn = (value: unknown): Partial<Entry> => own(isObject(value) ? value : {});

/** An entry's age; a clock that went back makes it no younger. */
const ageOf = ({ at = 0 }: Partial<Entry>): number => Math.abs(Date.now() - at);

/** What is out of date becomes a mark, and marks are forgotten in the end. */
async function sweep(store: IDBObjectStore): Promise<void> {
  const keys = await settled(store.getAllKeys());
  const entries = (await settled(store.getAll())).map(entryIn);
  const youngest = new Set([...entries].sort((a, b) => ageOf(a) - ageOf(b)).slice(0, MOST - 1));
  entries.forEach((entry, index) => {
    const key = keys[index];
    if (key === undefined) return;
    if (ageOf(entry) > REMEMBERED || !youngest.has(entry)) store.delete(key);
    else if (entry.key && ageOf(entry) > LIFE) store.put({ at: entry.at, end: "expired" }, key);
  });
}

/** Every member is set, so that a polluted prototype shortens no tag (S15). */
const algorithmOf = (name: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(name),
  tagLength: 128,
});

/** An insecure page has no Web Crypto, and so no login: nothing could be sealed, nor a code be proved. */
export function checkCrypto(): void {
  const { subtle }: Partial<Crypto> = crypto;
  if (subtle) return;
  const message = "Cannot sign in: Web Crypto is missing. Use https or localhost.";
  throw refusal({ code: "store_unavailable", message });
}

/** Keeps a login under a name that nobody can guess. */
export async function keep(name: string, pending: Pending): Promise<void> {
  const uses: KeyUsage[] = ["encrypt", "decrypt"];
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, uses);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = new TextEncoder().encode(JSON.stringify(pending));
  const data = await crypto.subtle.encrypt(algorithmOf(name, iv), key, plain);
  await use(async (store) => {
    await sweep(store);
    store.put({ at: Date.now(), key, iv, data } satisfies Entry, name);
    // Some browsers take a key and give none back (F27): better told before the user has logged in.
    if (!entryIn(await settled(store.get(name))).key) throw new Error("The key was not kept");
  });
}

/** Takes a login out, in one step: of two pages that ask for it, one gets it. */
export async function take(name: string): Promise<Pending | Missing> {
  const found = await use(async (store) => {
    await sweep(store);
    const entry = entryIn(await settled(store.get(name)));
    if (entry.key) store.put({ at: entry.at ?? 0, end: "used" } satisfies Entry, name);
    return entry;
  });
  const { key, iv, data, end = "unknown" } = found;
  if (!key || !iv || !data) return end;
  try {
    const plain = await crypto.subtle.decrypt(algorithmOf(name, iv), key, data);
    return parse(new TextDecoder().decode(plain)) as Pending;
  } catch {
    // Tampered with: nobody has begun this login.
    return "unknown";
  }
}
