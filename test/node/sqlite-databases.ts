/** SQLite databases for tests, by whichever module this runtime has. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { SqliteDatabase } from "../../src/stores/sqlite.ts";

export interface Handle extends SqliteDatabase {
  close(): void;
}

type Open = new (file: string, options?: object) => Handle;

/** The constructors that there are: Bun has two. */
export function drivers(): Record<string, Open> {
  const node = process.getBuiltinModule("node:sqlite")?.DatabaseSync as Open | undefined;
  const bun = process.getBuiltinModule("bun:sqlite" as "node:sqlite") as unknown as
    | { Database: Open }
    | undefined;
  return { ...(node && { "node:sqlite": node }), ...(bun && { "bun:sqlite": bun.Database }) };
}

/** A folder of its own; `remove` it. */
export function scratch(): { folder: string; file(): string; remove(): void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-sqlite-"));
  let count = 0;
  return {
    folder,
    file: () => path.join(folder, `sessions-${count++}.db`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
