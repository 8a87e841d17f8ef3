/** What the other scripts share: the right Node, headings with timings, and child processes. */

import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

const bin = path.join(root, "node_modules", ".bin");

/**
 * Starts the calling script again under the Node that `npm ci` installed, if it runs under an older
 * one: Vitest needs Node 22.12, and the tests should not depend on the machine's Node.
 */
export function useOwnNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  const own = path.join(root, "node_modules", "node", "bin", "node");
  if (!existsSync(own) || process.env["TOKENKEEP_OWN_NODE"]) {
    fail(
      `This needs Node 22.18 or newer, and this is Node ${process.versions.node}.`,
      "`npm ci` brings Node 24 along as a development dependency; it is missing, perhaps because",
      "install scripts are switched off. Run `npm ci --ignore-scripts=false`, or use a newer Node.",
    );
  }
  const { status } = spawnSync(own, process.argv.slice(1), {
    stdio: "inherit",
    env: { ...process.env, TOKENKEEP_OWN_NODE: "1" },
  });
  process.exit(status ?? 1);
}

/**
 * Says what is wrong and what to do about it, and ends.
 *
 * @param {...string} lines
 * @returns {never}
 */
export function fail(...lines) {
  console.error(["", ...lines, ""].join("\n"));
  process.exit(1);
}

/** @param {string} title */
export function heading(title) {
  console.log(`\n== ${title}`);
}

/** @param {number} since what `performance.now()` was at the start */
export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Runs a command in the repository's folder, with the tools of `npm ci` first in `PATH`. With
 * `quiet`, its output is kept and shown only if it fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ quiet?: boolean, env?: Record<string, string> }} [options]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function run(command, args, options = {}) {
  const env = { ...process.env, ...options.env };
  const here = path.dirname(process.execPath);
  env["PATH"] = [here, bin, env["PATH"]].join(path.delimiter);
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      shell: process.platform === "win32",
      stdio: ["ignore", options.quiet ? "pipe" : "inherit", options.quiet ? "pipe" : "inherit"],
    });
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ ok: false, output: `${output}${error.message}\n` }));
    child.on("close", (code) => {
      if (code !== 0 && options.quiet) process.stdout.write(output);
      resolve({ ok: code === 0, output });
    });
  });
}
