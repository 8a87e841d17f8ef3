/**
 * The folder that holds a user's sessions. What lies in it is the user's alone: nothing is opened that
 * another user could have put there, or could read.
 */
import { check } from "../errors.ts";
import { fail } from "../guard/stored.ts";
import type { Builtins, Stats } from "./builtins.ts";
import { codeOf, failBy } from "./errno.ts";

const ELSEWHERE = "give another path";

/** What a path leads to, without following it. */
export function look({ files }: Builtins, path: string): Stats | undefined {
  try {
    return files.lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return failBy(error, {
      what: `${path} cannot be reached`,
      advice: "Check the folders above it",
      elsewhere: ELSEWHERE,
    });
  }
}

function homeOf({ homedir, paths }: Builtins): string {
  let home = "";
  try {
    home = homedir();
  } catch {
    // A container may run as a user whom its system does not know.
  }
  check(paths.isAbsolute(home), "path, because this user has no home folder");
  return home;
}

/** The user's folder for an application's state, by the platform's own rules. Throws `invalid_option` without a home. */
export function stateFolder(builtins: Builtins): string {
  const { process, paths } = builtins;
  const { platform, env } = process;
  const under = (given: string | undefined, ...parts: string[]): string =>
    paths.join(given ?? paths.join(homeOf(builtins), ...parts), "tokenkeep");
  if (platform === "win32") return under(env["LOCALAPPDATA"] || undefined, "AppData", "Local");
  if (platform === "darwin") return under(undefined, "Library", "Application Support");
  const given = env["XDG_STATE_HOME"];
  // A relative one is ignored, as the XDG Base Directory Specification wants.
  return under(given && paths.isAbsolute(given) ? given : undefined, ".local", "state");
}

/** The folder that an application has given. Throws `invalid_option` for a relative one where there is none to begin at. */
export function givenFolder({ paths }: Builtins, path: string): string {
  let folder: string | undefined;
  try {
    folder = paths.resolve(path);
  } catch {
    // The folder that the process was started in was deleted.
  }
  check(folder !== undefined, "path, absolute: the working directory is gone");
  return folder;
}

const inQuotes = (path: string): string => `'${path}'`;

/** Windows has no owners and modes of this kind: there the user's own folder is closed to others. */
function checkOwner({ process }: Builtins, path: string, found: Stats): void {
  const me = process.geteuid?.();
  if (me === undefined || found.uid === me) return;
  fail(`${path} belongs to another user`, `Run: sudo chown -R $(id -u) ${inQuotes(path)}`);
}

/** Checks a file that may be there, without opening it. Throws `store_unavailable` for one of somebody else's. */
export function checkFile(builtins: Builtins, path: string): Stats | undefined {
  const found = look(builtins, path);
  if (!found) return undefined;
  if (found.isSymbolicLink() || !found.isFile())
    fail(`${path} is no ordinary file`, "Delete it, or give another path");
  checkOwner(builtins, path, found);
  if (builtins.process.geteuid && (found.mode & 0o077) !== 0)
    fail(`${path} is open to other users`, `Run: chmod 600 ${inQuotes(path)}`);
  return found;
}

/** What is in the folder by now stays there, also if the power fails. Windows does it by itself. */
export function syncFolder({ files, process }: Builtins, path: string): void {
  if (process.platform === "win32") return;
  const folder = files.openSync(path, "r");
  try {
    files.fsyncSync(folder);
  } finally {
    files.closeSync(folder);
  }
}

/** As `look`, where it does not matter why nothing is seen. */
function glance({ files }: Builtins, path: string): Stats | undefined {
  try {
    return files.lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Codes of a path in which something stands that is no folder, or leads to none. */
const BLOCKED: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** Throws for what stands in the place of a folder: the path itself, or the nearest of those above that is there. */
function checkWay(builtins: Builtins, path: string): void {
  const { dirname } = builtins.paths;
  let at = path;
  let found = glance(builtins, at);
  while (!found && dirname(at) !== at) found = glance(builtins, (at = dirname(at)));
  // A link is followed by what comes behind it.
  if (!found || glance(builtins, `${at}/.`)) return;
  if (found.isSymbolicLink())
    fail(`${at} is a link that leads to no folder`, `Mend the link, or ${ELSEWHERE}`);
  fail(`a file stands at ${at}, in the place of a folder`, `Move that file away, or ${ELSEWHERE}`);
}

function checkFolder(builtins: Builtins, path: string): void {
  const found = look(builtins, path);
  if (!found) return fail(`${path} has vanished`);
  if (!found.isDirectory()) {
    checkWay(builtins, path);
    fail(`${path} is a symbolic link`, "Give the folder that it leads to, or another path");
  }
  checkOwner(builtins, path, found);
  if (builtins.process.geteuid && (found.mode & 0o022) !== 0)
    fail(`other users may write to ${path}`, `Run: chmod 700 ${inQuotes(path)}`);
}

/**
 * Makes the folders that are missing; answers with the topmost. Node's own way to do so (`recursive`) tries for ever
 * where a folder that is there takes no other, and says `ENOENT`: as `/proc` does, and folders that are mounted on
 * demand.
 */
function makeMissing(builtins: Builtins, path: string): string | undefined {
  const { files, paths } = builtins;
  const parent = paths.dirname(path);
  if (parent === path || glance(builtins, path)) return undefined;
  const made = makeMissing(builtins, parent);
  try {
    files.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process was faster.
    if (codeOf(error) === "EEXIST") return made;
    throw error;
  }
  return made ?? path;
}

/** Makes the folder where it is missing, and checks it in any case. Throws `store_unavailable`. */
export function makeFolder(builtins: Builtins, path: string): void {
  try {
    const made = makeMissing(builtins, path);
    if (made !== undefined) syncFolder(builtins, builtins.paths.dirname(made));
  } catch (error) {
    if (BLOCKED.has(codeOf(error))) checkWay(builtins, path);
    failBy(error, {
      what: `${path} cannot be made`,
      advice: "Make its parent writable",
      elsewhere: ELSEWHERE,
    });
  }
  checkFolder(builtins, path);
}

/** Makes an empty file for the user alone, if there is none. Throws `store_unavailable`. */
export function makeFile({ files }: Builtins, path: string): void {
  try {
    files.closeSync(files.openSync(path, "wx", 0o600));
  } catch (error) {
    // An existing file is never opened here: closing it would end this process's locks on it.
    if (codeOf(error) === "EEXIST") return;
    failBy(error, {
      what: `${path} cannot be made`,
      advice: "Make its folder writable, free space",
      elsewhere: ELSEWHERE,
    });
  }
}

/** Linux's numbers for file systems that other machines write, too (statfs(2)). */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "SMB"],
  [0x0102_1997, "9P"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
]);

/** The name of the network file system that holds the folder, if one does; elsewhere than on Linux nobody can tell. */
export function networkOf({ files, process }: Builtins, path: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    // A 32-bit number, which some runtimes give with its sign.
    return NETWORK.get(files.statfsSync(path).type >>> 0);
  } catch {
    return undefined;
  }
}
