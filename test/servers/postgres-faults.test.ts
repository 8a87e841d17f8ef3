/** A Postgres that is not what the store needs: typed errors that name the remedy, and nothing is lost. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createVault } from "../../src/index.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { headOf, record } from "../contracts/store.ts";
import { credentials, fakeApi } from "../support/fake-api.ts";
import { acme } from "../support/fake-api.ts";
import { COMMIT, type Door, openDoor } from "./tcp-proxy.ts";
import { freshTable, migration, type Opened, openPool, PACKAGES } from "./postgres.ts";
import { expectRefusal, says } from "./damaged-records.ts";
import { type Server, startPostgres, theServers } from "./own-server.ts";

describe.runIf(theServers().postgres)("a Postgres that does not do", () => {
  let server: Server;
  let door: Door;
  const opened: Opened[] = [];
  const open = (name: (typeof PACKAGES)[number], url = server.url): Opened => {
    const pool = openPool(name, url, 3);
    opened.push(pool);
    return pool;
  };
  beforeAll(async () => {
    server = await startPostgres(["-c", "wal_writer_delay=10s", "-c", "synchronous_commit=off"]);
    door = await openDoor(server);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((pool) => pool.end().catch(() => {})));
  });
  afterAll(async () => {
    await door.close();
    await server.close();
  });

  async function withTable(pool: Opened): Promise<string> {
    const table = freshTable();
    await pool.query(migration(table));
    return table;
  }

  it.each(PACKAGES)(
    "by %s: a table that is missing, another's, or not ours to use",
    async (name) => {
      const pool = open(name);
      const table = freshTable();
      await expect(postgresStore(pool.client, { table }).read("a")).rejects.toEqual(
        says(
          `Cannot use the store: there is no table ${table} on the search_path. ` +
            "Make it with the SQL in docs/stores-servers.md, or name its schema.",
        ),
      );
      const named = postgresStore(pool.client, { table: `public.${table}` });
      await expect(named.read("a")).rejects.toEqual(
        says(
          `Cannot use the store: there is no table public.${table}. Make it with the SQL in docs/stores-servers.md.`,
        ),
      );
      await pool.query(`CREATE TABLE ${table} (key text PRIMARY KEY)`);
      await expect(postgresStore(pool.client, { table }).read("a")).rejects.toEqual(
        says(
          `Cannot use the store: the table ${table} is another one's. Compare it with docs/stores-servers.md.`,
        ),
      );
      const role = `${table}_role`;
      const own = await withTable(pool);
      await pool.query(`CREATE ROLE ${role} LOGIN`);
      const guest = open(name, server.url.replace("tokenkeep@", `${role}@`));
      await expect(postgresStore(guest.client, { table: own }).read("a")).rejects.toEqual(
        says(
          `Cannot use the store: the role may not use the table ${own}. ` +
            `GRANT SELECT, INSERT, UPDATE, DELETE ON ${own} to it.`,
        ),
      );
      await pool.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${own} TO ${role}`);
      expect(
        await postgresStore(guest.client, { table: own }).write("a", record(), undefined),
      ).toBe(true);
    },
  );

  const different = (table: string): object =>
    says(
      `Cannot use the store: the table ${table} is another one's. Compare it with docs/stores-servers.md.`,
    );

  it.each([
    ["a column of another type", "ALTER TABLE mine ALTER body TYPE jsonb USING NULL"],
    ["a key that is too short", "ALTER TABLE mine ALTER key TYPE varchar(3)"],
    ["a key that is no text", "ALTER TABLE mine ALTER key TYPE int USING 1"],
    ["no primary key", "ALTER TABLE mine DROP CONSTRAINT mine_pkey"],
    [
      "a view in its place",
      "ALTER TABLE mine RENAME TO mine_real; CREATE VIEW mine AS TABLE mine_real",
    ],
  ])("a table with %s is told by the first read, and not by the first write", async (_, spoil) => {
    for (const name of PACKAGES) {
      const pool = open(name);
      const table = await withTable(pool);
      const store = postgresStore(pool.client, { table });
      const trusting = postgresStore(pool.client, { table, dangerouslyAssumeDurable: true });
      expect(await store.read("a")).toBeUndefined();
      for (const sql of spoil.split("; ")) await pool.query(sql.replaceAll("mine", table));
      const fresh = postgresStore(pool.client, { table });
      await expect(fresh.read("a")).rejects.toEqual(different(table));
      await expect(fresh.list("")).rejects.toEqual(different(table));
      await expect(fresh.write("a", record(), undefined)).rejects.toEqual(different(table));
      // Without a proof Postgres itself may refuse.
      const told = await trusting.write("abcd", record(), undefined).catch((error: Error) => error);
      expect(told).toEqual(spoil.includes("VIEW") ? true : different(table));
    }
  });

  it("what a constraint or a trigger of the application refuses is told, without a word of Postgres [S4]", async () => {
    const pool = open("pg");
    const table = await withTable(pool);
    await pool.query(`ALTER TABLE ${table} ADD COLUMN extra int NOT NULL`);
    const store = postgresStore(pool.client, { table });
    await expect(store.write("a", record(), undefined)).rejects.toEqual(different(table));
    await pool.query(`ALTER TABLE ${table} DROP COLUMN extra`);
    await pool.query(
      `CREATE FUNCTION ${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', NEW; END $$`,
    );
    await pool.query(
      `CREATE TRIGGER no BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION ${table}()`,
    );
    await expect(store.write("a", record(), undefined)).rejects.toEqual(
      says("Cannot use the store: Postgres refuses. Try again: nothing is lost."),
    );
  });

  it.each([
    ["lock_timeout", "another transaction keeps the table % locked. End it: nothing is lost."],
    [
      "statement_timeout",
      "Postgres cancels the statement. Raise statement_timeout, or end what locks the table: nothing is lost.",
    ],
  ])(
    "a table that is locked for longer than %s is told, and then it goes on [P10 P16]",
    async (setting, why) => {
      for (const name of PACKAGES) {
        const pool = open(name);
        const table = await withTable(pool);
        const role = `${table}_role`;
        await pool.query(`CREATE ROLE ${role} LOGIN SUPERUSER`);
        await pool.query(`ALTER ROLE ${role} SET ${setting} = 1000`);
        const guest = open(name, server.url.replace("tokenkeep@", `${role}@`));
        const store = postgresStore(guest.client, { table });
        await store.write("a", record(), undefined);
        const other = new Client(server.url);
        await other.connect();
        await other.query("BEGIN");
        await other.query(`LOCK TABLE ${table}`);
        await expect(store.read("a")).rejects.toEqual(
          says(`Cannot use the store: ${why.replace("%", table)}`),
        );
        await other.end();
        expect(await store.read("a")).toEqual(record());
      }
    },
  );

  it("an unlogged table is emptied by a crash, and is refused until it is logged", async () => {
    const pool = open("pg");
    const table = await withTable(pool);
    await pool.query(`ALTER TABLE ${table} SET UNLOGGED`);
    const store = postgresStore(pool.client, { table });
    await expect(store.read("a")).rejects.toEqual(
      says(
        `Cannot use the store: the table ${table} is emptied by a crash. ALTER TABLE ${table} SET LOGGED.`,
      ),
    );
    await pool.query(`ALTER TABLE ${table} SET LOGGED`);
    expect(await store.read("a")).toBeUndefined();
  });

  it.each(PACKAGES)(
    "by %s: a pool that has ended, a login that is refused, no server",
    async (name) => {
      const ended = openPool(name, server.url);
      const store = postgresStore(ended.client);
      await ended.end();
      await expect(store.read("a")).rejects.toEqual(
        says("Cannot use the store: the pool has ended. Close the vaults before the pool."),
      );
      const stranger = open(name, server.url.replace("tokenkeep@", "nobody@"));
      await expect(postgresStore(stranger.client).read("a")).rejects.toEqual(
        says("Cannot use the store: Postgres refused the login. Check user and password."),
      );
      const lost = open(name, "postgres://tokenkeep@127.0.0.1:1/postgres");
      await expect(postgresStore(lost.client, { timeout: 1000 }).read("a")).rejects.toEqual(
        says("Cannot use the store: Postgres does not answer. Try again: nothing is lost."),
      );
    },
  );

  it.each(PACKAGES)(
    "by %s: a wrong password and a missing one are told at once [P10]",
    async (name) => {
      const admin = open("pg");
      const hba = path.join(server.folder, "data/pg_hba.conf");
      const trusting = readFileSync(hba, "utf8");
      const role = `careful_${name}`;
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`);
      const table = await withTable(admin);
      await admin.query(`GRANT SELECT ON ${table} TO ${role}`);
      writeFileSync(hba, `host all ${role} 127.0.0.1/32 scram-sha-256\n${trusting}`);
      const read = (login: string): Promise<unknown> => {
        const { client } = open(name, server.url.replace("tokenkeep@", `${login}@`));
        // What is not told at once is never told.
        return postgresStore(client, { table, timeout: 1e9 }).read("a");
      };
      try {
        await admin.query("SELECT pg_reload_conf()");
        const refused = says(
          "Cannot use the store: Postgres refused the login. Check user and password.",
        );
        await expect(read(`${role}:wrong`)).rejects.toEqual(refused);
        await expect(read(role)).rejects.toEqual(refused);
        expect(await read(`${role}:right`)).toBeUndefined();
      } finally {
        writeFileSync(hba, trusting);
        await admin.query("SELECT pg_reload_conf()");
      }
    },
  );

  it("what is no pool is told at once: a connection may stand in a transaction", async () => {
    for (const odd of [undefined, null, {}, "postgres://", new Client(), Promise.resolve({})])
      expect(() => postgresStore(odd as never)).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringContaining("Pass new Pool() of pg, or postgres()"),
        }),
      );
    const pool = open("postgres");
    await (pool.client as unknown as import("postgres").Sql).begin(async (sql) => {
      expect(() => postgresStore(sql as never)).toThrow(/single connection/);
    });
    for (const table of ["", "a.b.c", "A", "a-b", 'a"; DROP TABLE x; --', "x".repeat(64), 7])
      expect(() => postgresStore(pool.client, { table: table as string })).toThrow(
        /table, in lower/,
      );
  });

  it.each(PACKAGES)(
    "by %s: a record that is damaged or of another format is left untouched [S10]",
    async (name) => {
      const pool = open(name);
      const table = await withTable(pool);
      const store = postgresStore(pool.client, { table });
      const odd = ["null", "7", "[]", "{}", JSON.stringify({ ...headOf(record()), format: 2 })];
      for (const head of odd) {
        await pool.query(`DELETE FROM ${table}`);
        await pool.query(`INSERT INTO ${table} VALUES ('a', $1::text::jsonb, '{', 'w')`, [head]);
        await expectRefusal(store, head);
        expect(await store.list("")).toEqual(["a"]);
      }
      await pool.query(`UPDATE ${table} SET head = $1::text::jsonb`, [
        JSON.stringify(headOf(record())),
      ]);
      // A body that is no JSON counts as absent, and so does one that is longer than any session.
      expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
      const long = record({ body: "x".repeat(200_000) });
      await pool.query(`UPDATE ${table} SET body = $1`, [JSON.stringify(long.body)]);
      expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
      await expect(store.write("c", long, undefined)).rejects.toThrow("the session exceeds 64 KiB");
    },
  );

  it.each(PACKAGES)(
    "by %s: an answer that is lost on its way back is told apart [P20]",
    async (name) => {
      const pool = open(name);
      const table = await withTable(pool);
      const far = open(name, door.url);
      const store = postgresStore(far.client, { table });
      await store.list("");
      const cut = door.cutAfter(COMMIT);
      expect(await store.write("a", record(), undefined)).toBe(true);
      await cut;
      expect(await store.read("a")).toEqual(record());
      // So is one whose record another has taken the place of.
      const again = door.cutAfter(COMMIT);
      expect(await store.write("a", record(), undefined)).toBe(false);
      await again;
    },
  );

  it.each(PACKAGES)("by %s: a delete whose answer is lost is done [P3]", async (name) => {
    const pool = open(name);
    const table = await withTable(pool);
    const store = postgresStore(open(name, door.url).client, { table });
    await store.write("a", record(), undefined);
    const cut = door.cutAfter(/session-1/);
    expect(await store.write("a", undefined, headOf(record()))).toBe(true);
    await cut;
    expect(await store.read("a")).toBeUndefined();
    expect(await store.write("a", undefined, headOf(record()))).toBe(false);
  });

  it.each(PACKAGES)(
    "by %s: under serializable isolation the second writer is told no [P3]",
    async (name) => {
      const pool = open(name);
      const table = await withTable(pool);
      await pool.query("ALTER ROLE tokenkeep SET default_transaction_isolation = 'serializable'");
      try {
        const store = postgresStore(open(name).client, { table });
        await store.write("a", record({ revision: 0 }), undefined);
        for (let revision = 0; revision < 20; revision++) {
          const before = headOf(record({ revision }));
          const next = record({ revision: revision + 1 });
          const won = await Promise.all([1, 2, 3].map(() => store.write("a", next, before)));
          expect(won.filter(Boolean)).toEqual([true]);
        }
      } finally {
        await pool.query("ALTER ROLE tokenkeep RESET default_transaction_isolation");
      }
    },
  );

  it.each(PACKAGES)(
    "by %s: what was acknowledged outlives a crash, though the server commits late [F22]",
    async (name) => {
      const pool = open(name);
      const table = await withTable(pool);
      await pool.query("CHECKPOINT");
      const store = postgresStore(pool.client, { table });
      expect(await store.write("a", record(), undefined)).toBe(true);
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
      await server.kill();
      await server.start();
      const after = open(name);
      expect((await postgresStore(after.client, { table }).read("a"))?.revision).toBe(2);
      const [row] = await after.query("SHOW synchronous_commit");
      expect(row).toEqual({ synchronous_commit: "off" });
    },
  );

  it("a standby, and a server without fsync, are refused, and said why", async () => {
    const pool = open("pg");
    const table = await withTable(pool);
    await server.kill("SIGINT");
    await server.start(["-c", "fsync=off"]);
    const store = postgresStore(open("pg").client, { table });
    await expect(store.read("a")).rejects.toEqual(
      says(
        "Cannot use the store: fsync is off, and a crash loses what was acknowledged. " +
          "Set fsync = on, or dangerouslyAssumeDurable if your host stores by other means.",
      ),
    );
    const trusting = postgresStore(open("pg").client, { table, dangerouslyAssumeDurable: true });
    expect(await trusting.write("a", record(), undefined)).toBe(true);

    // A vault that meets it says the same, and signs nobody out.
    const api = fakeApi();
    const vault = createVault({ provider: acme(), fetch: api.fetch, store });
    await expect(vault.getToken()).rejects.toThrow("fsync is off");
    expect(vault.snapshot().status).toBe("unavailable");
    await vault.signIn(credentials);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
    vault.close();

    await server.kill("SIGINT");
    writeFileSync(path.join(server.folder, "data", "standby.signal"), "");
    await server.start();
    const standby = "Cannot use the store: this database is a standby. Connect to the primary.";
    for (const [at, way] of [store, trusting].entries()) {
      await expect(way.read("a")).rejects.toEqual(says(standby));
      await expect(way.write("a", record({ revision: 2 }), headOf(record()))).rejects.toThrow(
        at === 0 ? standby : "takes no writes. Connect to the primary, or set default_transaction",
      );
    }
  });
});
