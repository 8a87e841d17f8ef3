/** Packages that only one stage needs: their folders have lock files of their own. */

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { root, run } from "./run.js";

/**
 * `npm ci` in a folder, if what is installed there is older than its lock file. No script of a package runs.
 *
 * @param {string} folder from the repository's root
 */
export async function installIn(folder) {
  const lock = path.join(root, folder, "package-lock.json");
  const mark = path.join(root, folder, "node_modules/.package-lock.json");
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(lock).mtimeMs) return true;
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder];
  const { ok } = await run("npm", args, { quiet: true });
  return ok;
}
