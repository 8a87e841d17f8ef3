/**
 * A lock between the processes of a machine: an empty SQLite file that is held by `BEGIN EXCLUSIVE`. The
 * operating system lets go of it when the process dies, however that comes about.
 *
 * @see https://www.sqlite.org/lockingv3.html
 */
import { subtle } from "../guard/crypto.ts";
import { memberOf } from "../guard/thrown.ts";
import { localLock } from "../locks/local.ts";
import { isBusy } from "../stores/sqlite.ts";
import type { Lock } from "../types.ts";
import type { Builtins, Database } from "./builtins.ts";
import { makeFile, makeFolder } from "./place.ts";

export interface ProcessLockOptions {
  /** Where the files lie, which are nobody else's. */
  readonly folder: string;
  /** Another number means that another process has written: a new look at the record may be worth more. */
  readonly version?: () => number | undefined;
  /** Told when another process has the lock. */
  readonly onWait?: () => void;
  /** Whether a caller still waits for what the lock is for; `true` by default. */
  readonly isNeeded?: () => boolean;
}

/** How long until the next try, milliseconds: jittered, so that waiting processes do not try in step. */
const pauseOf = (): number => 10 + 20 * Math.random();

/** What systems say of a file that somebody has open. */
const IN_USE = new Set(["EBUSY", "EPERM", "EACCES"]);

/** SQLite does not wait by itself, and makes no second file beside the first. */
const QUIETLY = "PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY";

/** Resolves after a pause, or at once when the signal is aborted. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", go);
      resolve();
    };
    const timer = setTimeout(go, pauseOf());
    signal.addEventListener("abort", go);
  });
}

/** A file's name: the lock's own may be long, and may hold what no file's name can. */
async function nameOf(name: string): Promise<string> {
  const digest = await subtle().digest("SHA-256", new TextEncoder().encode(name));
  return Array.from(new Uint8Array(digest, 0, 16), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Where locks are held and looked at, file by file. */
interface LockFiles {
  pathOf(name: string): Promise<string>;
  /** How to let go, or `undefined` while somebody else holds it. Throws where no lock is to be had. */
  tryToHold(path: string): (() => void) | undefined;
  /** Whether nobody holds it. Throws where nobody can tell, and where somebody does. */
  isFree(path: string): boolean;
}

function createLockFiles(builtins: Builtins, folder: string): LockFiles {
  const { files, paths } = builtins;
  const inodeOf = (path: string): number | undefined =>
    files.lstatSync(path, { throwIfNoEntry: false })?.ino;

  /** Whether the file is in use, so that it cannot go: Windows keeps an open one. */
  function remove(path: string): boolean {
    try {
      files.unlinkSync(path);
      return false;
    } catch (error) {
      return IN_USE.has(String(memberOf(error, "code")));
    }
  }

  /** Lets go of a file, and leaves none behind. */
  function clear(db: Database, path: string): void {
    // First, so that nobody takes a file that is on its way out for the lock.
    const isInUse = remove(path);
    db.close();
    // It stays where somebody else has opened it meanwhile.
    if (isInUse) remove(path);
  }

  /** Opens the file and runs a statement, with the handle closed where that fails. */
  function open(path: string, sql: string): Database {
    const db = builtins.open(path);
    try {
      db.exec(`${QUIETLY}; ${sql}`);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  return {
    pathOf: async (name) => paths.join(folder, await nameOf(name)),
    tryToHold(path) {
      makeFolder(builtins, folder);
      makeFile(builtins, path);
      const before = inodeOf(path);
      let db: Database;
      try {
        db = open(path, "BEGIN EXCLUSIVE");
      } catch (error) {
        if (isBusy(error)) return undefined;
        throw error;
      }
      const release = (): void => clear(db, path);
      // The holder before has removed the file that this handle is for.
      if (before !== undefined && inodeOf(path) === before) return release;
      db.close();
      return undefined;
    },
    isFree(path) {
      if (inodeOf(path) === undefined) return true;
      // A shared lock, so that two processes that look at once do not take each other for the holder.
      // The process that held the file is dead, and could not clear up. No lock has that name again.
      clear(open(path, "SELECT count(*) FROM sqlite_schema"), path);
      return true;
    },
  };
}

/**
 * Where no lock is to be had, as in a folder that takes no file, tasks run all the same: a lock saves
 * work, and correctness never rests on it (law 1).
 *
 * @returns a lock that spans the processes of this machine that share the folder
 */
export function processLock(builtins: Builtins, options: ProcessLockOptions): Lock {
  const { folder, version, onWait, isNeeded } = options;
  const queue = localLock();
  const { pathOf, tryToHold, isFree } = createLockFiles(builtins, folder);

  /** Waits for the lock, or until something is worth more than to wait: then the task runs without it. */
  async function acquire(path: string, signal: AbortSignal): Promise<(() => void) | undefined> {
    const before = version?.();
    for (;;) {
      signal.throwIfAborted();
      let release: (() => void) | undefined;
      try {
        release = tryToHold(path);
      } catch {
        return undefined;
      }
      if (release) return release;
      onWait?.();
      if (isNeeded?.() === false || version?.() !== before) return undefined;
      await pause(signal);
    }
  }

  return {
    spans: "origin",
    run: (name, task, signal) =>
      queue.run(
        name,
        async () => {
          const release = await acquire(await pathOf(name), signal);
          try {
            return await task();
          } finally {
            release?.();
          }
        },
        signal,
      ),
    async hold(name) {
      try {
        return tryToHold(await pathOf(name));
      } catch {
        return undefined;
      }
    },
    async isFree(name) {
      try {
        return isFree(await pathOf(name));
      } catch {
        return false;
      }
    },
  };
}
