/**
 * Finds the servers, once for all test files: the programs of this machine, or an address in the
 * environment. `npm run test:servers` installs Debian's, where it may.
 */
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";

/** A program of this machine, which a test may start and end; or the address of a server that it may not. */
export interface Found {
  readonly program?: string;
  readonly url?: string;
}

export interface Servers {
  /** Where Node keeps what it has compiled: eight processes start from the same sources again and again. */
  readonly cache: string;
  readonly redis: Found;
  readonly postgres: Found & {
    /** A folder that `initdb` has made, to be copied. */
    readonly template?: string;
    /** Whom the server runs as, because it refuses to be root. */
    readonly user?: { readonly uid: number; readonly gid: number };
  };
}

declare module "vitest" {
  export interface ProvidedContext {
    servers: Servers;
  }
}

const within = (folders: readonly string[], name: string): string | undefined =>
  folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));

const PATH = (process.env["PATH"] ?? "").split(path.delimiter);

/** The user that Debian's package makes, for a test that is run by root. */
function postgresUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [, uid, gid] =
    /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8")) ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

function findPostgres(folder: string): Servers["postgres"] {
  const url = process.env["TOKENKEEP_POSTGRES"];
  if (url) return { url };
  const program = within(
    [...globSync("/usr/lib/postgresql/*/bin").toSorted().toReversed(), ...PATH],
    "postgres",
  );
  const user = postgresUser();
  if (!program || (process.getuid?.() === 0 && !user)) return {};
  if (user) chownSync(folder, user.uid, user.gid);
  const template = path.join(folder, "template");
  const { status, stderr } = spawnSync(
    path.join(path.dirname(program), "initdb"),
    [
      "--no-sync",
      "--auth=trust",
      "--username=tokenkeep",
      "--encoding=UTF8",
      "--no-locale",
      template,
    ],
    { ...user, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  return { program, template, ...(user && { user }) };
}

function findRedis(): Found {
  const url = process.env["TOKENKEEP_REDIS"];
  const program = within(PATH, "redis-server");
  return url ? { url } : program ? { program } : {};
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-servers-"));
  const cache = path.join(folder, "cache");
  project.provide("servers", { cache, redis: findRedis(), postgres: findPostgres(folder) });
  return () => rmSync(folder, { recursive: true, force: true });
}
