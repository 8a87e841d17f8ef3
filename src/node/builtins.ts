/**
 * The modules of Node and Bun, loaded when they are needed, so that an import of the entry loads none. The
 * part that is used is typed here, because the library is compiled without any runtime's own types.
 */
import { because } from "../errors.ts";
import type { SqliteDatabase } from "../stores/sqlite.ts";
import type { Bytes } from "../types.ts";

/** What a path leads to. */
export interface Stats {
  readonly uid: number;
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly dev: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** The part of `node:fs` that is used. */
export interface Files {
  openSync(path: string, flags: string, mode?: number): number;
  writeSync(file: number, bytes: Uint8Array): number;
  fsyncSync(file: number): void;
  closeSync(file: number): void;
  linkSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  mkdirSync(path: string, options: { readonly mode: number }): unknown;
  readFileSync(path: string): Bytes;
  lstatSync(path: string, options: { throwIfNoEntry: false }): Stats | undefined;
  statfsSync(path: string): { readonly type: number };
}

/** The part of `node:path` that is used. */
export interface Paths {
  resolve(...parts: string[]): string;
  join(...parts: string[]): string;
  dirname(path: string): string;
  isAbsolute(path: string): boolean;
}

/** The part of the global `process` that is used. */
export interface Process {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  geteuid?(): number;
  getBuiltinModule?(name: string): unknown;
}

declare const process: Process | undefined;

/** A handle that is ours to close. */
export interface Database extends SqliteDatabase {
  close(): void;
}

/** Opens a file that exists. */
export type OpenDatabase = (path: string) => Database;

/** All that the entry needs of its runtime. */
export interface Builtins {
  readonly process: Process;
  readonly files: Files;
  readonly paths: Paths;
  readonly homedir: () => string;
  readonly open: OpenDatabase;
}

const lost = (why: string, advice: string): never => {
  throw because("invalid_option", why, advice);
};

type Constructor = new (path: string) => Database;

/** `node:sqlite` where there is one, in Bun too; `bun:sqlite` in a Bun that has no other. */
function findDatabase(load: (name: string) => unknown): Constructor | undefined {
  const { DatabaseSync }: { DatabaseSync?: Constructor } = Object(load("node:sqlite"));
  if (DatabaseSync) return DatabaseSync;
  const { Database }: { Database?: Constructor } = Object(load("bun:sqlite"));
  return Database;
}

/** Throws `invalid_option` in a runtime that lacks something, with the way out. */
export function loadBuiltins(): Builtins {
  if ("Deno" in globalThis)
    lost("tokenkeep/node is not for Deno", 'Import createVault from "tokenkeep/deno"');
  const host = typeof process === "object" ? process : undefined;
  const load = (name: string): unknown => host?.getBuiltinModule?.(name);
  const Database = findDatabase(load);
  // The modules are the runtime's own: their types above are the part that is used.
  const files = load("node:fs") as Files | undefined;
  if (!host || !Database || !files)
    return lost(
      "this runtime has no SQLite",
      "Update to Node 22.13 or Bun, or pass store: memoryStore()",
    );
  return {
    process: host,
    files,
    paths: load("node:path") as Paths,
    homedir: () => (load("node:os") as { homedir(): string }).homedir(),
    open: (path) => new Database(path),
  };
}
