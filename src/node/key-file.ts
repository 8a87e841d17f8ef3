/** The key that seals the sessions, where the application gives none: a file beside the database. */
import { VaultError } from "../errors.ts";
import { randomBytes, toBase64 } from "../guard/crypto.ts";
import { randomId } from "../guard/random.ts";
import { fail } from "../guard/stored.ts";
import type { Builtins } from "./builtins.ts";
import { codeOf, failBy } from "./errno.ts";
import { checkFile, look, syncFolder } from "./place.ts";

/** In bytes. */
const LENGTH = 32;

/** The key's id in the ring. A new file has the same one: what an old key has sealed reads as signed out. */
const KID = "file";

const DAMAGED = "Restore it, or delete it and sign in again";

function read(builtins: Builtins, path: string): Uint8Array | undefined {
  const found = checkFile(builtins, path);
  if (!found) return undefined;
  const bytes = found.size === LENGTH ? load(builtins, path) : undefined;
  if (bytes?.length !== LENGTH)
    return fail(`the key file ${path} has not ${LENGTH} bytes`, DAMAGED);
  // What some file systems leave of a file after a power failure would open nothing, and seal for everybody.
  if (bytes.every((byte) => byte === 0))
    fail(`the key file ${path} has nothing but zeros`, DAMAGED);
  return bytes;
}

function load({ files }: Builtins, path: string): Uint8Array {
  try {
    return files.readFileSync(path);
  } catch (error) {
    if (codeOf(error) === "EACCES")
      fail(`the key file ${path} cannot be read`, `Run: chmod 600 '${path}'`);
    return failBy(error, {
      what: `the key file ${path} cannot be read`,
      advice: "Check the disk",
      elsewhere: "give another path",
    });
  }
}

/** Writes all of it, or throws. */
function writeWhole({ files }: Builtins, path: string, bytes: Uint8Array): void {
  const file = files.openSync(path, "wx", 0o600);
  try {
    // A disk that is nearly full takes a part.
    if (files.writeSync(file, bytes) !== bytes.length)
      throw Object.assign(new Error("A part was written"), { code: "ENOSPC" });
    files.fsyncSync(file);
  } finally {
    files.closeSync(file);
  }
}

/** A whole file gets its name in one step, so that nobody reads a part of it; the first one keeps the name. */
function make(builtins: Builtins, folder: string, path: string): void {
  const { files, paths } = builtins;
  const draft = paths.join(folder, `key.${randomId()}`);
  try {
    writeWhole(builtins, draft, randomBytes(LENGTH));
    files.linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    remove(builtins, draft);
  }
}

function remove({ files }: Builtins, path: string): void {
  try {
    files.unlinkSync(path);
  } catch {
    // It was never made, or stays: nobody reads a draft.
  }
}

/** A name that is given in one step is a hard link, and some disks have none. */
const LINKLESS: ReadonlySet<string> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
]);

const pathIn = ({ paths }: Builtins, folder: string): string => paths.join(folder, "key");

/** Another text once another file stands there; `undefined` where none does. */
export function markOf(builtins: Builtins, folder: string): string | undefined {
  const found = look(builtins, pathIn(builtins, folder));
  return found && `${found.ino} ${found.mtimeMs}`;
}

/**
 * The key as a ring's text. The file is made once, by the first process that needs it. Throws
 * `store_unavailable` with what to do where the file is somebody else's, open to others, damaged, or cannot be
 * made.
 */
export function keyFrom(builtins: Builtins, folder: string): string {
  const path = pathIn(builtins, folder);
  try {
    let bytes = read(builtins, path);
    if (!bytes) {
      make(builtins, folder, path);
      bytes = read(builtins, path);
    }
    // Before anything is sealed with it: another process may have made the file just now.
    syncFolder(builtins, folder);
    return `${KID}:${toBase64(bytes ?? fail("the key file has vanished"))}`;
  } catch (error) {
    if (error instanceof VaultError) throw error;
    if (LINKLESS.has(codeOf(error)))
      fail("the disk of the key file takes no links", "Pass keys, or give a path on another disk");
    return failBy(error, {
      what: `the key file ${path} cannot be made`,
      advice: "Make its folder writable",
      elsewhere: "pass keys",
    });
  }
}
