/** What `sqliteStore` must do, over each driver of this runtime. */
import { afterAll, describe, expect, it } from "vitest";
import { writeFileSync } from "node:fs";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { drivers, type Handle, scratch } from "../node/sqlite-databases.ts";
import { headOf, record, storeContract } from "./store.ts";

const keys = keyring(`k1:${btoa("0123456789abcdef0123456789abcdef")}`);

export function sqliteContract(): void {
  for (const [driver, Database] of Object.entries(drivers())) {
    const { file, remove } = scratch();
    const open: Handle[] = [];
    function connect(at: string): Handle {
      const db = new Database(at);
      open.push(db);
      return db;
    }
    afterAll(() => {
      for (const db of open)
        try {
          db.close();
        } catch {
          // A case has closed it.
        }
      remove();
    });
    const twins = () => {
      const at = file();
      return [sqliteStore(connect(at)), sqliteStore(connect(at))] as const;
    };

    storeContract(`SQLite by ${driver}`, () => sqliteStore(connect(file())), {
      twins,
      stored: async (store, key) => ({ ...(await store.read(key)) }),
    });
    storeContract(
      `encrypted over SQLite by ${driver}`,
      () => encrypted(sqliteStore(connect(file())), keys),
      {
        twins() {
          const [one, two] = twins();
          return [encrypted(one, keys), encrypted(two, keys)];
        },
      },
    );
    describe(`SQLite by ${driver}`, () => {
      sqliteCases({ file, connect });
    });
  }
}

interface Place {
  readonly file: () => string;
  readonly connect: (file: string) => Handle;
}

/** A column of a row, whatever it is called. */
const value = (row: unknown): unknown => Object.values(Object(row))[0];

function sqliteCases({ file, connect }: Place): void {
  const failing = { code: "store_unavailable" };

  it("commits by WAL, synchronous FULL and fullfsync, and leaves the handle's own settings as they were [P5]", async () => {
    const db = connect(file());
    db.exec("PRAGMA synchronous = OFF; PRAGMA busy_timeout = 1234");
    const levels: unknown[] = [];
    const exec = db.exec.bind(db);
    const spied = new Proxy(db, {
      get: (_, name) =>
        name === "exec"
          ? (sql: string) => {
              if (sql === "COMMIT")
                for (const of of ["synchronous", "busy_timeout", "journal_mode", "fullfsync"])
                  levels.push(value(db.prepare(`PRAGMA ${of}`).get()));
              return exec(sql);
            }
          : (Reflect.get(db, name, db) as () => unknown).bind(db),
    });
    const store = sqliteStore(spied);
    await store.write("a", record(), undefined);
    expect(levels.slice(-4)).toEqual([2, 0, "wal", 1]);
    expect(value(db.prepare("PRAGMA fullfsync").get())).toBe(0);
    expect(value(db.prepare("PRAGMA synchronous").get())).toBe(0);
    expect(value(db.prepare("PRAGMA busy_timeout").get())).toBe(1234);
  });

  it("a lock of another connection is waited for, and the event loop runs on meanwhile [F59]", async () => {
    const at = file();
    const store = sqliteStore(connect(at));
    await store.write("a", record(), undefined);
    const other = connect(at);
    other.exec("BEGIN IMMEDIATE");
    const writing = store.write("a", record({ revision: 2 }), headOf(record()));
    await new Promise((resolve) => setTimeout(resolve, 1));
    // A handle that waited by itself would never let this run.
    other.exec("ROLLBACK");
    expect(await writing).toBe(true);
  });

  it("a reader is not held up by a writer [F59]", async () => {
    const at = file();
    const store = sqliteStore(connect(at));
    await store.write("a", record(), undefined);
    const other = connect(at);
    other.exec("BEGIN IMMEDIATE");
    expect(await store.read("a")).toEqual(record());
    other.exec("ROLLBACK");
  });

  it("locked for too long, it says what to end, and nothing is written [P16 F59]", async () => {
    const at = file();
    const store = sqliteStore(connect(at), { timeout: 30 });
    await store.write("a", record(), undefined);
    const other = connect(at);
    other.exec("BEGIN IMMEDIATE");
    const late = store.write("a", record({ revision: 2 }), headOf(record()));
    await expect(late).rejects.toMatchObject({ ...failing, message: /End its transaction/ });
    other.exec("ROLLBACK");
    expect(await store.read("a")).toEqual(record());
  });

  it("an open transaction of the application's is left alone, and waited for [P6 P16]", async () => {
    const db = connect(file());
    db.exec("PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 1234");
    db.exec("CREATE TABLE own (n); BEGIN; INSERT INTO own VALUES (1)");
    const store = sqliteStore(db, { timeout: 30 });
    await expect(store.read("a")).rejects.toMatchObject({
      ...failing,
      message: /handle of its own/,
    });
    const settings = (): unknown[] =>
      ["busy_timeout", "synchronous"].map((name) => value(db.prepare(`PRAGMA ${name}`).get()));
    expect(settings()).toEqual([1234, 1]);
    const patient = sqliteStore(db);
    const writing = patient.write("a", record(), undefined);
    await new Promise((resolve) => setTimeout(resolve, 1));
    db.exec("COMMIT");
    expect(await writing).toBe(true);
    expect(value(db.prepare("SELECT n FROM own").get())).toBe(1);
  });

  it("a closed handle, a file that is no database, and memory are told apart [P16]", async () => {
    const closed = connect(file());
    closed.close();
    await expect(sqliteStore(closed).read("a")).rejects.toMatchObject({
      ...failing,
      message: /handle is closed/,
    });
    const at = file();
    writeFileSync(at, "no database at all, and long enough for a header".repeat(100));
    await expect(sqliteStore(connect(at)).read("a")).rejects.toMatchObject({
      ...failing,
      message: /corrupted/,
    });
    await expect(sqliteStore(connect(":memory:")).read("a")).rejects.toMatchObject({
      ...failing,
      message: /in memory/,
    });
  });

  it("a read-only database gives what it holds, and refuses what it cannot keep [P16]", async () => {
    const at = file();
    await sqliteStore(connect(at)).write("a", record(), undefined);
    const db = connect(at);
    db.exec("PRAGMA query_only = ON");
    const store = sqliteStore(db);
    expect(await store.read("a")).toEqual(record());
    const writing = store.write("a", record({ revision: 2 }), headOf(record()));
    await expect(writing).rejects.toMatchObject({ ...failing, message: /writable/ });
  });

  it("a full disk refuses the write, and the record before it stays [P16 F22]", async () => {
    const db = connect(file());
    const store = sqliteStore(db);
    await store.write("a", record(), undefined);
    const pages = Number(value(db.prepare("PRAGMA page_count").get()));
    db.exec(`PRAGMA max_page_count = ${pages}`);
    const long = record({ revision: 2, body: { long: "x".repeat(60_000) } });
    const writing = store.write("a", long, headOf(record()));
    await expect(writing).rejects.toMatchObject({ ...failing, message: /disk is full/ });
    expect(await store.read("a")).toEqual(record());
  });

  it("a newer format is left untouched, in a record and in the tables [P16 S8 F10]", async () => {
    const db = connect(file());
    const store = sqliteStore(db);
    await store.write("a", record(), undefined);
    db.exec(`UPDATE tokenkeep SET head = '{"format":2,"sessionId":"s","revision":1}'`);
    const newer = { ...failing, message: /Update tokenkeep/ };
    await expect(store.read("a")).rejects.toMatchObject(newer);
    await expect(store.head("a")).rejects.toMatchObject(newer);
    await expect(store.write("a", record(), undefined)).rejects.toMatchObject(newer);
    await expect(store.write("a", undefined, undefined)).rejects.toMatchObject(newer);
    db.exec("UPDATE tokenkeep_meta SET value = '2' WHERE name = 'layout'");
    await expect(sqliteStore(db).read("b")).rejects.toMatchObject(newer);
  });

  it("what is no JSON, or another's table, is no empty store [S10 P16]", async () => {
    const db = connect(file());
    const store = sqliteStore(db);
    await store.write("a", record(), undefined);
    db.exec("UPDATE tokenkeep SET head = 'x'");
    await expect(store.read("a")).rejects.toMatchObject(failing);
    db.exec("CREATE TABLE mine (id INTEGER)");
    await expect(sqliteStore(db, { table: "mine" }).read("a")).rejects.toMatchObject({
      ...failing,
      message: /application's/,
    });
  });

  it.each([
    ["text that is no JSON", "'x'"],
    ["a blob", "x'7b7d'"],
    ["JSON that is no object", "'7'"],
    [
      "an endless text",
      `'{"format":1,"sessionId":"s","revision":1,"pad":"' || hex(zeroblob(200000)) || '"}'`,
    ],
  ])(
    "a record whose head is %s is damaged: it is told, and left untouched [S10 P16]",
    async (_, head) => {
      const db = connect(file());
      const store = sqliteStore(db);
      await store.write("a", record(), undefined);
      db.exec(`UPDATE tokenkeep SET head = ${head}`);
      const damaged = { ...failing, message: /a record is damaged\. Restore it, or delete it/ };
      for (const use of [
        () => store.read("a"),
        () => store.head("a"),
        () => store.write("a", record({ revision: 2 }), headOf(record())),
        () => store.write("a", record(), undefined),
        () => store.write("a", undefined, undefined),
      ])
        await expect(use()).rejects.toMatchObject(damaged);
      expect(value(db.prepare(`SELECT count(*) FROM tokenkeep WHERE head = ${head}`).get())).toBe(
        1,
      );
      expect(await store.list("")).toEqual(["a"]);
    },
  );

  it("a head that is NULL is a damaged record, and not none [S10 P16]", async () => {
    const db = connect(file());
    const store = sqliteStore(db);
    await store.read("a");
    // As a tool may have made the table anew.
    db.exec(
      "DROP TABLE tokenkeep; CREATE TABLE tokenkeep (key TEXT PRIMARY KEY, head TEXT, body TEXT)",
    );
    db.exec("INSERT INTO tokenkeep VALUES ('a', NULL, NULL)");
    const damaged = { ...failing, message: /a record is damaged/ };
    await expect(store.read("a")).rejects.toMatchObject(damaged);
    await expect(store.head("a")).rejects.toMatchObject(damaged);
    await expect(store.write("a", record(), undefined)).rejects.toMatchObject(damaged);
  });

  it.each([
    ["no JSON", "'x'"],
    ["a blob", `CAST('{"secret":1}' AS BLOB)`],
    ["NULL", "NULL"],
    ["longer than any session", `'"' || hex(zeroblob(200000)) || '"'`],
  ])(
    "a body that is %s counts as absent, so that nothing of it is parsed [S8 S10]",
    async (_, body) => {
      const db = connect(file());
      const store = sqliteStore(db);
      await store.write("a", record(), undefined);
      db.exec(`UPDATE tokenkeep SET body = ${body}`);
      expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
      expect(await store.read("a")).toEqual(record({ revision: 2 }));
    },
  );

  it("what could not be read again is not written [S10 P19]", async () => {
    const store = sqliteStore(connect(file()));
    const long = record({ body: { long: "x".repeat(200_000) } });
    await expect(store.write("a", long, undefined)).rejects.toMatchObject({
      ...failing,
      message: /the session exceeds 64 KiB/,
    });
    expect(await store.read("a")).toBeUndefined();
  });

  it.each(["order", "select", "table", "index", "x", "a1_b2"])(
    "a table may be called %s: a name is no part of SQL [S10]",
    async (table) => {
      const at = file();
      const store = sqliteStore(connect(at), { table });
      expect(await store.write("a", record(), undefined)).toBe(true);
      expect(await store.list("")).toEqual(["a"]);
      expect(await sqliteStore(connect(at), { table }).read("a")).toEqual(record());
      expect(await store.scope?.()).toMatch(/^\w{8,64}$/);
      expect(await store.write("a", undefined, headOf(record()))).toBe(true);
    },
  );

  it("a name that SQLite takes for another one's table is told, because the seal binds it as it is spelled [S11 S20]", async () => {
    const at = file();
    const one = sqliteStore(connect(at), { table: "Sessions" });
    await one.write("a", record(), undefined);
    const other = sqliteStore(connect(at), { table: "sessions" });
    const spelled = { ...failing, message: /spelled Sessions\. Pass table: "Sessions"/ };
    await expect(other.read("a")).rejects.toMatchObject(spelled);
    await expect(other.write("a", undefined, headOf(record()))).rejects.toMatchObject(spelled);
    expect(await one.read("a")).toEqual(record());
  });

  it.each([
    "VIEW mine AS SELECT 1 AS key, 2 AS head, 3 AS body",
    "TABLE mine_meta (name TEXT, value TEXT)",
  ])("what the application has made is not taken for a table: %s [S11]", async (made) => {
    const db = connect(file());
    db.exec(`CREATE ${made}`);
    const store = sqliteStore(db, { table: "mine" });
    const others = { ...failing, message: /application's\. Pass another name/ };
    await expect(store.read("a")).rejects.toMatchObject(others);
    await expect(store.write("a", record(), undefined)).rejects.toMatchObject(others);
  });

  it("the name of an application's index is told, too [S11]", async () => {
    const db = connect(file());
    db.exec("CREATE TABLE own (n); CREATE INDEX mine ON own (n)");
    const store = sqliteStore(db, { table: "mine" });
    await expect(store.read("a")).rejects.toMatchObject({ ...failing, message: /application's/ });
  });

  it("tables that are dropped are made anew by the next call [F29]", async () => {
    const db = connect(file());
    const store = sqliteStore(db);
    await store.write("a", record(), undefined);
    db.exec("DROP TABLE tokenkeep; DROP TABLE tokenkeep_meta");
    await expect(store.read("a")).rejects.toMatchObject({
      ...failing,
      message: /there is no table/,
    });
    expect(await store.read("a")).toBeUndefined();
    expect(await store.write("a", record(), undefined)).toBe(true);
    db.exec("DROP TABLE tokenkeep");
    expect(await sqliteStore(db).read("a")).toBeUndefined();
  });

  it("two tables of one database share nothing but the file [S11]", async () => {
    const db = connect(file());
    const [one, two] = [sqliteStore(db, { table: "one" }), sqliteStore(db, { table: "two" })];
    await one.write("a", record(), undefined);
    expect(await two.read("a")).toBeUndefined();
    expect([one.namespace, two.namespace]).toEqual(["one", "two"]);
  });

  it("everybody who opens the database reads one scope [F57]", async () => {
    const at = file();
    const stores = [1, 2, 3].map(() => sqliteStore(connect(at)));
    const [first, ...others] = await Promise.all(stores.map((store) => store.scope?.()));
    expect(first).toMatch(/^\w{8,64}$/);
    expect(others).toEqual([first, first]);
  });

  it("an argument that is none is told at once [S17]", () => {
    const invalid = expect.objectContaining({ code: "invalid_option" });
    expect(() => sqliteStore(undefined as never)).toThrow(invalid);
    const odd = [
      "a; DROP TABLE b",
      'a"b',
      "",
      "1a",
      "ä",
      "sqlite_a",
      "SQLite_a",
      "a".repeat(62),
      "main.a",
    ];
    for (const table of [...odd, ["sessions"], 7, null, { toString: () => "sessions" }] as string[])
      expect(() => sqliteStore(connect(file()), { table })).toThrow(invalid);
  });
}
