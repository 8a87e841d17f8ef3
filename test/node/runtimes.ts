/** The other runtimes of this machine that share the folder. */
import { existsSync } from "node:fs";
import path from "node:path";

// Its package calls the program so on every system.
const file = path.join(import.meta.dirname, "../../node_modules/bun/bin/bun.exe");

/** Bun of the development dependencies, if it is installed. */
export const bun: readonly string[] = existsSync(file) ? [file] : [];
