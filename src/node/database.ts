/** One handle for each folder and process, which all vaults of the process share. */
import { fail } from "../guard/stored.ts";
import { encrypted, type Keyring } from "../stores/encrypted.ts";
import { sqliteStore } from "../stores/sqlite.ts";
import type { TokenStore } from "../types.ts";
import type { Builtins, Database } from "./builtins.ts";
import { checkFile, look, makeFile, makeFolder, networkOf } from "./place.ts";

/** A database that is open. */
interface Opened {
  readonly db: Database;
  readonly store: TokenStore;
  /** The very file: another one may come to stand under its name. */
  readonly ino: number;
}

/** The database of a folder, opened when it is needed. */
export interface Shelf {
  /**
   * The store of the database, another one after it was opened anew. Throws `store_unavailable` where the
   * folder or a file in it cannot be used; each call tries anew.
   */
  reach(): TokenStore;
  /** A number that is another one after each commit of another process; `undefined` where it cannot be told. */
  version(): number | undefined;
  /** To be called once by each vault: the last one closes the handle. */
  close(): void;
}

const NAME = "sessions.db";
const TABLE = "tokenkeep";

/** The shelves by folder; each with the number of its vaults. */
const shelves = new Map<string, { readonly shelf: Shelf; vaults: number }>();

function createShelf(builtins: Builtins, folder: string): Shelf {
  const { paths } = builtins;
  const path = paths.join(folder, NAME);
  let opened: Opened | undefined;

  function letGo(): void {
    opened?.db.close();
    opened = undefined;
  }

  function check(): number | undefined {
    // SQLite gives its own files the mode of the database.
    for (const end of ["-wal", "-shm", "-journal"]) checkFile(builtins, path + end);
    return checkFile(builtins, path)?.ino;
  }

  function open(): Opened {
    makeFolder(builtins, folder);
    makeFile(builtins, path);
    const ino = check();
    if (ino === undefined) return fail(`${path} has vanished`);
    const db = builtins.open(path);
    // For macOS, and for good: the last handle that is closed moves the journal into the database, by no write of the store.
    db.exec("PRAGMA fullfsync = ON");
    return { db, store: sqliteStore(db, { table: TABLE }), ino };
  }

  /** The folder may have been deleted since the last call, which is a user's way to sign out. */
  function isGone({ ino }: Opened): boolean {
    return look(builtins, path)?.ino !== ino;
  }

  return {
    reach() {
      if (opened && isGone(opened)) letGo();
      opened ??= open();
      return opened.store;
    },
    version() {
      try {
        const row = opened?.db.prepare("PRAGMA data_version").get();
        return row ? Number(Object.values(row)[0]) : undefined;
      } catch {
        return undefined;
      }
    },
    close: letGo,
  };
}

/**
 * Refuses a folder that other machines may write to: nobody here sees their locks, so that a refresh token
 * that is spent by its use would be spent twice.
 */
function checkDisk(builtins: Builtins, folder: string): void {
  makeFolder(builtins, folder);
  const network = networkOf(builtins, folder);
  if (network !== undefined)
    fail(`${folder} lies on ${network}, where locks do not hold`, "Give a path on a local disk");
}

/** The folder's shelf; made by the first vault that asks. `rotates`: refresh tokens are spent by their use. */
export function takeShelf(builtins: Builtins, folder: string, rotates: boolean): Shelf {
  const known = shelves.get(folder) ?? { shelf: createShelf(builtins, folder), vaults: 0 };
  shelves.set(folder, known);
  known.vaults += 1;
  const { reach, version } = known.shelf;
  let isLocal = !rotates;
  let isOver = false;
  return {
    reach() {
      // Opened again, it would be closed by nobody.
      if (isOver) fail("the vault was closed", "Make a new one");
      if (!isLocal) checkDisk(builtins, folder);
      isLocal = true;
      return reach();
    },
    version,
    close() {
      if (isOver) return;
      isOver = true;
      known.vaults -= 1;
      if (known.vaults > 0) return;
      if (shelves.get(folder) === known) shelves.delete(folder);
      known.shelf.close();
    },
  };
}

/**
 * The shelf's store, sealed. A folder that was deleted takes its key along, and a key may be deleted alone: with
 * another database, or another `mark` of the key, the ring is had anew.
 */
export function sealed(
  { reach }: Pick<Shelf, "reach">,
  makeRing: () => Keyring,
  mark: () => string | undefined = () => undefined,
): TokenStore {
  let at:
    | { readonly inner: TokenStore; readonly mark: string | undefined; readonly store: TokenStore }
    | undefined;

  async function store(): Promise<TokenStore> {
    const inner = reach();
    const now = mark();
    if (at?.inner !== inner || at.mark !== now)
      at = { inner, mark: now, store: encrypted(inner, makeRing()) };
    return at.store;
  }

  return {
    atomic: true,
    shared: "origin",
    namespace: TABLE,
    scope: async () => (await store()).scope?.(),
    head: async (key) => (await store()).head(key),
    read: async (key) => (await store()).read(key),
    write: async (key, next, expected) => (await store()).write(key, next, expected),
    list: async (prefix) => (await store()).list(prefix),
  };
}
