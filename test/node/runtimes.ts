/** The other runtimes of this machine that share the folder. */
import { existsSync } from "node:fs";
import path from "node:path";

/** A program of the development dependencies, if it is installed. */
function find(...parts: readonly string[]): readonly string[] {
  const file = path.join(import.meta.dirname, "../../node_modules", ...parts);
  return existsSync(file) ? [file] : [];
}

// Its package calls the program so on every system.
export const bun: readonly string[] = find("bun/bin/bun.exe");
export const deno: readonly string[] = find(
  process.platform === "win32" ? "deno/deno.exe" : "deno/deno",
);
