/** The key that seals the sessions, where the application gives none: a file beside the database. */
import { VaultError } from "../errors.ts";
import { randomBytes, toBase64 } from "../guard/crypto.ts";
import { randomId } from "../guard/random.ts";
import { fail } from "../guard/stored.ts";
import type { Builtins } from "./builtins.ts";
import { checkFile, syncFolder } from "./place.ts";

/** In bytes. */
const LENGTH = 32;

/** The key's id in the ring. A new file has the same one: what an old key has sealed reads as signed out. */
const KID = "file";

function read(builtins: Builtins, path: string): Uint8Array | undefined {
  const found = checkFile(builtins, path);
  if (!found) return undefined;
  const bytes = builtins.files.readFileSync(path);
  if (bytes.length !== LENGTH)
    fail(
      `the key file ${path} has not ${LENGTH} bytes`,
      "Restore it, or delete it and sign in again",
    );
  return bytes;
}

/** A whole file gets its name in one step, so that nobody reads a part of it; the first one keeps the name. */
function make(builtins: Builtins, folder: string, path: string): void {
  const { files, paths } = builtins;
  const draft = paths.join(folder, `key.${randomId()}`);
  const file = files.openSync(draft, "wx", 0o600);
  try {
    try {
      files.writeSync(file, randomBytes(LENGTH));
      files.fsyncSync(file);
    } finally {
      files.closeSync(file);
    }
    files.linkSync(draft, path);
  } catch (error) {
    if ((Object(error) as { code?: unknown }).code !== "EEXIST") throw error;
  } finally {
    files.unlinkSync(draft);
  }
}

/**
 * The key as a ring's text. The file is made once, by whoever comes first. Throws `store_unavailable` with
 * what to do where the file is somebody else's, open to others or of the wrong length.
 */
export function keyFrom(builtins: Builtins, folder: string): string {
  const path = builtins.paths.join(folder, "key");
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
    return fail(`the key file ${path} cannot be made`, "Make its folder writable, or pass keys");
  }
}
