/**
 * Sessions in PostgreSQL, for every process that reaches the database. A write is one statement in a
 * transaction of its own, which waits until it is on disk.
 *
 * @see https://www.postgresql.org/docs/current/wal-async-commit.html
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { memberOf } from "../guard/thrown.ts";
import { check, isVaultError } from "../errors.ts";
import { insist } from "../guard/insist.ts";
import { type PostgresClient, postgresOf, type Row } from "../server/postgres.ts";
import { different, LOOK, missing, prove, STANDBY } from "../server/table.ts";
import { randomId } from "../guard/random.ts";
import { type Cause, DEADLINE, fail, headOf } from "../guard/stored.ts";
import { storedOf, textsOf } from "../guard/texts.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** The options of {@link postgresStore}. */
export interface PostgresStoreOptions {
  /**
   * The table, `"tokenkeep_sessions"` by default, or `"schema.table"`: lower case. Sealing binds this text, so
   * that all processes give the same one.
   */
  readonly table?: string;
  /** How many milliseconds a call may take; 4000 by default. */
  readonly timeout?: number;
  /**
   * Takes it as given that an acknowledged write is never lost, though `fsync` is off or the table is unlogged,
   * and that the table is the documentation's; `false` by default. Some hosts have a storage of their own below
   * Postgres and switch `fsync` off. Anywhere else a spent refresh token is sent again after a crash, and the
   * server ends the session.
   */
  readonly dangerouslyAssumeDurable?: boolean;
}

/**
 * Until the end of this one transaction an acknowledged commit is on disk, whatever the database, the role or
 * the connection says. `remote_apply`, which promises more, stays.
 */
const DURABLE = `WITH durable AS (
  SELECT CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply'
    ELSE set_config('synchronous_commit', 'on', true) END AS level
)`;

const EXPECTED =
  "key = $1 AND head->>'format' = '1' AND head->>'sessionId' = $2 AND head->>'revision' = $3";

/**
 * Keeps records in a table, as they are: wrap the store in `encrypted` with a key ring. `docs/stores-servers.md` has
 * the SQL that makes the table.
 *
 * @param pool `new Pool()` of `pg`, or `postgres()` of `postgres`; it stays open
 * @returns a store with compare-and-set, shared by all processes that reach the database. Its methods reject
 * with a `VaultError`, code `store_unavailable`, when the database is out of reach, silent, read only or a
 * standby, when the table is missing or may not be used, where an acknowledged write could be lost, and for
 * a record of another format, which is left untouched. The message says what to do.
 * @throws `VaultError`, code `invalid_option`, for anything but a pool, for a malformed name of a table, and for
 * a `timeout` that is none
 *
 * @example
 * ```ts
 * import { encrypted, keyring } from "tokenkeep/stores/encrypted";
 * import { type PostgresClient, postgresStore } from "tokenkeep/stores/postgres";
 *
 * const open = (pool: PostgresClient, keys: string) =>
 *   encrypted(postgresStore(pool), keyring(keys));
 * ```
 */
export function postgresStore(pool: PostgresClient, given: PostgresStoreOptions = {}): TokenStore {
  const options = own(given);
  const { table = "tokenkeep_sessions", timeout = DEADLINE } = options;
  checkAmounts({ timeout });
  const postgres = postgresOf(pool);
  const name = quote(table);
  const isAssumed = options.dangerouslyAssumeDurable === true;
  let isProved = isAssumed;

  function explain(error: unknown): Cause {
    isProved = isAssumed;
    const code = codeOf(error);
    if (postgres.isEnded() || code === ENDED)
      return ["the pool has ended", "Close the vaults before the pool"];
    const cause = CAUSES[code] ?? CAUSES[code.slice(0, 2)];
    return cause?.(table) ?? [isState(code) ? "Postgres refuses" : "Postgres does not answer"];
  }

  /** Behind a new connection there may be another server, or the same with other settings. */
  function hasLost(error: unknown): boolean {
    if (!isLost(error) || postgres.isEnded()) return false;
    isProved = isAssumed;
    return true;
  }

  const reach = <T>(task: () => Promise<T>): Promise<T> =>
    insist(
      timeout,
      async (late) => {
        // After the deadline no write begins: the caller has been told that it failed.
        await Promise.race([late, isProved ? undefined : prove(postgres, { title: table, name })]);
        isProved = true;
        return task();
      },
      { isLost: hasLost, explain },
    );

  /** Looks on the primary only. Where nothing is found, the one row has nulls. */
  async function look(columns: string, condition: string, value: string): Promise<readonly Row[]> {
    const text = `${LOOK}, ${columns} FROM (SELECT) AS one LEFT JOIN ${name} ON ${condition}`;
    const rows = await postgres
      .run(text, [value])
      .catch((error: unknown) =>
        codeOf(error) === UNSERIALIZABLE ? postgres.run(text, [value]) : Promise.reject(error),
      );
    if (rows[0]?.[0] !== "false") fail(...STANDBY);
    return rows.map(([, ...rest]) => rest);
  }

  async function find(key: string, column: "body" | "write_id" | "NULL"): Promise<Row> {
    const [row = []] = await look(`head::text, ${column}`, "key = $1", key);
    return row;
  }

  async function read(key: string): Promise<StoredRecord | undefined> {
    const [head, body] = await find(key, "body");
    return recordOf(head, body);
  }

  async function put(key: string, { next, expected, id }: Write): Promise<boolean> {
    const old = expected ? [expected.sessionId, String(expected.revision)] : [];
    const { head = "", body = null } = next ? textsOf(next) : {};
    const values = next ? [head, body, id] : [];
    const written = "RETURNING 'written'";
    const statement = !next
      ? `DELETE FROM ${name} USING durable WHERE level IS NOT NULL AND ${EXPECTED} ${written}`
      : expected
        ? `UPDATE ${name} SET head = $4::text::jsonb, body = $5, write_id = $6 FROM durable
            WHERE level IS NOT NULL AND ${EXPECTED} ${written}`
        : `INSERT INTO ${name} (key, head, body, write_id)
            SELECT $1::text, $2::text::jsonb, $3::text, $4::text FROM durable WHERE level IS NOT NULL
            ON CONFLICT (key) DO NOTHING ${written}`;
    const rows = await postgres.run(`${DURABLE} ${statement}`, [key, ...old, ...values]);
    return rows.length > 0;
  }

  /** Whether what is found is what an earlier try has left: the record under this id, or none after a delete. */
  async function isDone(key: string, { next, id, isAgain }: Write): Promise<boolean> {
    const [head, writer] = await find(key, "write_id");
    // Throws for another format.
    const found = recordOf(head);
    return next ? writer === id : isAgain && found === undefined;
  }

  async function write(key: string, wanted: Write): Promise<boolean> {
    const { next, expected } = wanted;
    // Nothing is to be deleted.
    if (!next && !expected) return (await read(key)) === undefined;
    try {
      if (await put(key, wanted)) return true;
    } catch (error) {
      if (codeOf(error) !== UNSERIALIZABLE) throw error;
    }
    return isDone(key, wanted);
  }

  return {
    atomic: true,
    shared: "everywhere",
    namespace: table,
    head: (key) =>
      reach(async () => {
        const record = recordOf((await find(key, "NULL"))[0]);
        return record && headOf(record);
      }),
    read: (key) => reach(() => read(key)),
    write(key, next, expected) {
      // One id for all tries.
      const id = randomId();
      let tries = 0;
      return reach(() => write(key, { next, expected, id, isAgain: tries++ > 0 }));
    },
    list: (prefix) =>
      reach(async () => {
        const rows = await look("key", "key LIKE $1", `${prefix.replace(/[\\%_]/g, "\\$&")}%`);
        return rows.flatMap(([key]) => (typeof key === "string" ? [key] : []));
      }),
  };
}

/** What is to stand under a key, in whose place. */
interface Write {
  readonly next: StoredRecord | undefined;
  readonly expected: RecordHead | undefined;
  /** The same for all tries. */
  readonly id: string;
  /** Whether an earlier try's answer was lost: it may have been done. */
  readonly isAgain: boolean;
}

/** A record of a row; one without a head is no row: the table takes none. */
const recordOf = (head: unknown, body?: unknown): StoredRecord | undefined =>
  head === null || head === undefined ? undefined : storedOf(head, body);

/** Postgres has undone the statement, because another one came between. */
const UNSERIALIZABLE = "40001";

/** The code of `postgres` for a pool that the application has ended. */
const ENDED = "CONNECTION_ENDED";

/** Postgres refuses the password. */
const REFUSED = "28P01";

/** An error's SQLSTATE, or the word of a package for a connection that failed. */
const codeOf = (error: unknown): string => {
  const code = memberOf(error, "code");
  if (typeof code === "string") return code;
  // `pg` says by its words alone that a password is wanted, and none is there.
  return String(memberOf(error, "message")).startsWith("SASL:") ? REFUSED : "";
};

/**
 * Whether Postgres itself has refused: its codes have five characters, digits among them, which `EPIPE` has not. The
 * classes left out are of its connections and its machine.
 */
const isState = (code: string): boolean => /^(?!08|57|58)(?=.*\d)[0-9A-Z]{5}$/.test(code);

/** Whether the connection failed, or the server while it worked: then nobody knows what was done. */
const isLost = (error: unknown): boolean =>
  error !== undefined && !isVaultError(error) && codeOf(error) !== ENDED && !isState(codeOf(error));

/** By SQLSTATE or its class: Postgres' own words may show what it stores (S4). */
const CAUSES: Readonly<Record<string, (table: string) => Cause>> = {
  "25006": () => [
    "the database takes no writes",
    "Connect to the primary, or set default_transaction_read_only = off",
  ],
  "28": () => ["Postgres refused the login", "Check user and password"],
  "3D": () => ["there is no such database", "Check its name"],
  "42501": (table) => [
    `the role may not use the table ${table}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} to it`,
  ],
  // Data, constraints, names and types that do not go together.
  "22": different,
  "23": different,
  "42": different,
  "42P01": missing,
  "53100": () => ["the database's disk is full", "Make room: nothing is lost"],
  "53300": () => ["Postgres takes no more connections", "Make the pools smaller"],
  "54": () => ["the record is larger than Postgres takes", "Shorten the account"],
  "55P03": (table) => [
    `another transaction keeps the table ${table} locked`,
    "End it: nothing is lost",
  ],
  "57014": () => [
    "Postgres cancels the statement",
    "Raise statement_timeout, or end what locks the table: nothing is lost",
  ],
};

/** Postgres cuts longer names. */
const LONGEST_NAME = 63;

function quote(table: string): string {
  const names = typeof table === "string" ? table.split(".") : [];
  const isName = (name: string): boolean =>
    /^[a-z_][a-z0-9_]*$/.test(name) && name.length <= LONGEST_NAME;
  check(names.length > 0 && names.length < 3 && names.every(isName), "table, in lower case");
  return names.map((name) => `"${name}"`).join(".");
}

export type { PgPool, PostgresClient, PostgresJs } from "../server/postgres.ts";
