/** Both packages' pools over one server, and tables that are made as the documentation says. */
import { readFileSync } from "node:fs";
import { Pool } from "pg";
import postgres from "postgres";
import { afterAll, inject } from "vitest";
import type { PostgresClient } from "../../src/stores/postgres.ts";
import { type Server, startPostgres } from "./own-server.ts";

/** The documentation's migration, for a table of another name. */
export function migration(table: string): string {
  const page = readFileSync(new URL("../../docs/stores-servers.md", import.meta.url), "utf8");
  const [, sql] = /```sql\n(CREATE TABLE tokenkeep_sessions .*?)```/s.exec(page) ?? [];
  if (!sql) throw new Error("The documentation has no migration");
  return sql.replace("tokenkeep_sessions", table);
}

/** A pool, and how to use it without the store. */
export interface Opened {
  readonly client: PostgresClient;
  query(sql: string, values?: readonly string[]): Promise<readonly Record<string, unknown>[]>;
  end(): Promise<unknown>;
}

export type PackageName = "pg" | "postgres";
export const PACKAGES: readonly PackageName[] = ["pg", "postgres"];

/** With the settings of an application that has to live through a server's restart. */
export function openPool(name: PackageName, url: string, max = 10): Opened {
  if (name === "pg") {
    const pool = new Pool({ connectionString: url, max });
    // Without a listener a lost connection ends the process.
    pool.on("error", () => {});
    return {
      client: pool,
      query: async (sql, values = []) => (await pool.query(sql, [...values])).rows,
      end: () => pool.end(),
    };
  }
  // By default its tries to connect come up to twenty seconds apart, which is a caller's whole patience.
  const backoff = (tries: number): number => Math.min(0.1 * 2 ** tries, 1);
  const sql = postgres(url, { max, onnotice: () => {}, backoff });
  return {
    client: sql,
    query: (text, values = []) => sql.unsafe(text, [...values]),
    end: () => sql.end({ timeout: 1 }),
  };
}

/** A server of this file's own, or the one of the environment: `undefined` where there is neither. */
export async function postgresUrl(): Promise<string | undefined> {
  const { url, program } = inject("servers").postgres;
  if (url || !program) return url;
  const server: Server = await startPostgres();
  afterAll(() => server.close());
  return server.url;
}

let tables = 0;

/** The name of a table that nobody has made yet. */
export const freshTable = (): string => `tokenkeep_${process.pid}_${tables++}`;
