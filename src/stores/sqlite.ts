/**
 * Sessions in a SQLite database, for all processes of a machine that open the same file.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_synchronous
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { memberOf } from "../guard/thrown.ts";
import { check } from "../errors.ts";
import { randomId } from "../guard/random.ts";
import { type Cause, DEADLINE, fail, headOf, inTime, isExpected, isId } from "../guard/stored.ts";
import { type RecordTexts, storedOf, textsOf } from "../guard/texts.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/**
 * The part of a database handle that is used: `DatabaseSync` of `node:sqlite` has it, and `Database` of
 * `bun:sqlite`.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

/** The part of a prepared statement that is used. */
export interface SqliteStatement {
  /** The first row, if there is any. */
  get(...values: (string | null)[]): unknown;
  all(...values: (string | null)[]): unknown[];
  run(...values: (string | null)[]): unknown;
}

/** The options of {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * The table's name; `"tokenkeep"` by default. The seal binds its spelling. A missing table is made, and a
   * second one beside it, `…_meta`.
   */
  readonly table?: string;
  /** How many milliseconds a call may take, which are spent on waiting for a locked database; 4000 by default. */
  readonly timeout?: number;
}

/** What the tables look like. A newer number is left alone. */
const LAYOUT = "1";

const CLOSED: Cause = ["the database handle is closed", "Open it for as long as the vault is used"];
const LOCKED: Cause = [
  "another connection keeps the database locked",
  "End its transaction: nothing is lost",
];
const BUSY_HANDLE: Cause = [
  "a transaction of the application's is open on this handle",
  "Give the store a handle of its own",
];
const ANOTHERS: Cause = [
  "the table is an application's",
  'Pass another name: sqliteStore(db, { table: "sessions" })',
];
const GONE: Cause = [
  "there is no table any more",
  "Try again: it is made anew, and everybody has to sign in",
];

/**
 * SQLite's own words, which every driver hands on in the message, and what they mean here. Nothing of a
 * message is shown: it may quote what is stored (S4).
 */
const MEANINGS: readonly (readonly [RegExp, Cause])[] = [
  [/is locked|\bbusy\b/i, LOCKED],
  [/(within|inside) a transaction/i, BUSY_HANDLE],
  [/not open|closed/i, CLOSED],
  [
    /readonly/i,
    ["the database is read-only", "Make its file and folder writable: nothing is lost"],
  ],
  [/is full/i, ["the disk is full", "Free space: nothing is lost"]],
  [
    /malformed|not a database/i,
    ["the database is corrupted", "Restore it, or delete it and sign in again"],
  ],
  // SQLite has one code for all of this, and the limit too.
  [
    /unable to open/i,
    [
      "the database cannot be opened",
      "Check its file, folder and disk, and the limit of open files (ulimit -n)",
    ],
  ],
  [/disk I\/O/i, ["the disk fails", "Check the disk: nothing else is lost"]],
  [/no such table/i, GONE],
  [/no such column|has no column|because it is a view|already an index/i, ANOTHERS],
];

const UNKNOWN: Cause = ["SQLite refuses"];

const textOf = (error: unknown): string => String(memberOf(error, "message"));

function meaningOf(error: unknown): Cause {
  const text = textOf(error);
  return MEANINGS.find(([words]) => words.test(text))?.[1] ?? UNKNOWN;
}

/** Whether SQLite refused because somebody else is at it: nothing was changed, and it may be tried again. */
export const isBusy = (error: unknown): boolean => meaningOf(error) === LOCKED;

/** The columns of a row, whether the handle gives rows as objects or as lists. */
const columnsOf = (row: unknown): unknown[] => (row ? Object.values(row) : []);

const firstOf = (row: unknown): unknown => columnsOf(row)[0];

/** A row's record; no row is none. */
function parseRow(row: unknown): StoredRecord | undefined {
  const [head, body] = columnsOf(row);
  return head === undefined ? undefined : storedOf(head, body);
}

/**
 * Runs `work` with the settings that the store needs, and puts the application's own back in the same
 * task. A lock is waited for by a timer and not by SQLite, because the handle is synchronous: it would
 * stop the whole process.
 */
function withSettings<T>(db: SqliteDatabase, work: () => T): T {
  const get = (name: string): number => Number(firstOf(db.prepare(`PRAGMA ${name}`).get()));
  const set = (name: string, value: number): unknown => db.exec(`PRAGMA ${name} = ${value}`);
  const patience = get("busy_timeout");
  const level = get("synchronous");
  /** FULL: what is committed is on the disk. */
  const full = Math.max(level, 2);
  /** On macOS only `fullfsync` brings it to the disk itself; elsewhere it changes nothing. */
  const isFlushed = get("fullfsync") === 1;
  if (patience) set("busy_timeout", 0);
  if (!isFlushed) set("fullfsync", 1);
  try {
    if (full !== level) set("synchronous", full);
    return work();
  } finally {
    if (!isFlushed) set("fullfsync", 0);
    if (patience) set("busy_timeout", patience);
    // Last, because it throws while a transaction of the application's is open.
    if (full !== level) set("synchronous", level);
  }
}

/** Readers hold nobody up; a writer has the database from its first statement on. */
type Begin = "BEGIN" | "BEGIN IMMEDIATE";

/** A transaction of its own: a read inside an open one of the application's might see an old record. */
function transact<T>(db: SqliteDatabase, begin: Begin, work: () => T): T {
  db.exec(begin);
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    try {
      db.exec("ROLLBACK");
    } catch {
      // After some errors SQLite has done it by itself.
    }
    throw error;
  }
}

/** Jittered, so that processes that wait for each other do not try in step. */
const pause = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 5 + 15 * Math.random()));

/** Tries once more for as long as somebody else has the database, or the handle. */
function patiently<T>(timeout: number, attempt: () => T): Promise<T> {
  let refusal: unknown;
  return inTime(
    timeout,
    async (late) => {
      let isOver = false;
      late.catch(() => {
        isOver = true;
      });
      while (!isOver)
        try {
          return attempt();
        } catch (error) {
          refusal = error;
          const meaning = meaningOf(error);
          // Nothing was written: the transaction has not begun, or was rolled back.
          if (meaning !== LOCKED && meaning !== BUSY_HANDLE) throw error;
          await pause();
        }
      throw refusal;
    },
    // The deadline itself rejects without an error.
    (error) => meaningOf(error ?? refusal),
  );
}

interface Tables {
  /** Makes what is missing, and refuses what cannot be used. */
  setUp(): void;
  /** A row of the table that is about the other one. */
  getMeta(name: string): unknown;
}

function createTables(db: SqliteDatabase, table: string): Tables {
  const meta = `${table}_meta`;

  const getMeta = (name: string): unknown =>
    firstOf(db.prepare(`SELECT value FROM "${meta}" WHERE name = ?`).get(name));

  /** Whether a name is a table's. To SQLite it is one name in any case, and an index has none besides. */
  function isThere(name: string): boolean {
    const found = "SELECT name, type FROM sqlite_schema WHERE name = ? COLLATE NOCASE";
    const [spelled, type] = columnsOf(db.prepare(found).get(name));
    if (spelled === undefined) return false;
    if (type !== "table") fail(...ANOTHERS);
    if (spelled !== name)
      fail(`the table is spelled ${spelled}`, `Pass table: ${JSON.stringify(spelled)}`);
    return true;
  }

  /** Whether there are both. Throws for an application's, which is never written to. */
  function areThere(): boolean {
    const hasTable = isThere(table);
    if (!isThere(meta)) return hasTable && fail(...ANOTHERS);
    const layout = getMeta("layout");
    if (layout === undefined) fail(...ANOTHERS);
    if (layout !== LAYOUT) fail("the tables are a newer version's", "Update tokenkeep");
    return hasTable;
  }

  function make(): void {
    // Another process may have come first.
    if (areThere()) return;
    db.exec(
      `CREATE TABLE IF NOT EXISTS "${table}" (key TEXT PRIMARY KEY NOT NULL, head TEXT NOT NULL, body TEXT);
       CREATE TABLE IF NOT EXISTS "${meta}" (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)`,
    );
    const put = db.prepare(`INSERT OR IGNORE INTO "${meta}" VALUES (?, ?)`);
    put.run("layout", LAYOUT);
    put.run("scope", randomId());
  }

  return {
    getMeta,
    setUp() {
      // Inside a transaction of the application's the next line would change nothing, and not say so.
      transact(db, "BEGIN", () => {});
      const mode = firstOf(db.prepare("PRAGMA journal_mode = WAL").get());
      if (mode === "memory")
        fail("the database is in memory alone", "Open a file, or use memoryStore()");
      if (mode !== "wal")
        fail("the database cannot be put into WAL mode", "Keep it on a local disk");
      if (!transact(db, "BEGIN", areThere)) transact(db, "BEGIN IMMEDIATE", make);
    },
  };
}

/** A table's name. SQLite keeps those for itself that begin like its own. */
const isName = (table: unknown): boolean =>
  typeof table === "string" && /^(?!sqlite_)[a-z]\w{0,60}$/i.test(table);

/**
 * Keeps records in a table of a SQLite database, as they are: wrap the store in `encrypted` with a key
 * ring. A write is one `BEGIN IMMEDIATE` transaction in WAL mode with `synchronous=FULL`; the handle's
 * other settings stay as they are.
 *
 * @param db `new DatabaseSync(file)` of `node:sqlite` or `new Database(file)` of `bun:sqlite`; it stays
 * open. A handle that the application runs long transactions on makes the store wait for them.
 * @returns a store with compare-and-set, shared by all processes of this machine that open the file. Its
 * methods reject with a `VaultError`, code `store_unavailable`, when the database stays locked, is
 * closed, read-only, corrupted or in memory, when the disk is full, when the table is an application's or
 * is spelled otherwise, for a session of more than 64 KiB, and for a record that is damaged or of another
 * format, which is left untouched. The message says what to do.
 * @throws `VaultError`, code `invalid_option`, for anything but a handle, and for a name or a `timeout` that is
 * none
 *
 * @example
 * ```ts
 * import { DatabaseSync } from "node:sqlite";
 * import { encrypted, keyring } from "tokenkeep/stores/encrypted";
 * import { sqliteStore } from "tokenkeep/stores/sqlite";
 *
 * const keys = keyring(process.env["TOKENKEEP_KEYS"] ?? "");
 * const store = encrypted(sqliteStore(new DatabaseSync("sessions.db")), keys);
 * ```
 */
export function sqliteStore(db: SqliteDatabase, options: SqliteStoreOptions = {}): TokenStore {
  const { table = "tokenkeep", timeout = DEADLINE } = own(options);
  checkAmounts({ timeout });
  check(
    typeof db?.prepare === "function",
    "db: new DatabaseSync(file), or Bun's new Database(file)",
  );
  check(isName(table), "table: letters, digits and underscores");
  const { setUp, getMeta } = createTables(db, table);
  let isReady = false;
  let scope: string | undefined;

  /** One transaction, as soon as the database is free. */
  const use = <T>(begin: Begin, work: () => T): Promise<T> =>
    patiently(timeout, () =>
      withSettings(db, () => {
        try {
          if (!isReady) setUp();
          isReady = true;
          return transact(db, begin, work);
        } catch (error) {
          // The tables may have gone.
          if (!isBusy(error)) isReady = false;
          throw error;
        }
      }),
    );

  function getHead(key: string): RecordHead | undefined {
    const found = parseRow(db.prepare(`SELECT head FROM "${table}" WHERE key = ?`).get(key));
    return found && headOf(found);
  }

  function put(key: string, next: RecordTexts | undefined): void {
    if (next)
      db.prepare(`INSERT OR REPLACE INTO "${table}" VALUES (?, ?, ?)`).run(
        key,
        next.head,
        next.body ?? null,
      );
    else db.prepare(`DELETE FROM "${table}" WHERE key = ?`).run(key);
  }

  return {
    atomic: true,
    shared: "origin",
    namespace: table,
    async scope() {
      const found = scope ?? (await use("BEGIN", () => getMeta("scope")));
      scope = isId(found) ? found : undefined;
      return scope;
    },
    head: (key) => use("BEGIN", () => getHead(key)),
    read: (key) =>
      use("BEGIN", () =>
        parseRow(db.prepare(`SELECT head, body FROM "${table}" WHERE key = ?`).get(key)),
      ),
    async write(key, next, expected) {
      const texts = next && textsOf(next);
      return use("BEGIN IMMEDIATE", () => {
        if (!isExpected(getHead(key), expected)) return false;
        put(key, texts);
        return true;
      });
    },
    list: (prefix) =>
      use("BEGIN", () =>
        db
          // No text that begins with the prefix is greater than the prefix and the last code point.
          .prepare(`SELECT key FROM "${table}" WHERE key >= ? AND key < ?`)
          .all(prefix, `${prefix}\u{10FFFF}`)
          .map((row) => String(firstOf(row))),
      ),
  };
}
