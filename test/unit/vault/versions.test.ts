/** Two versions of the library over one store: what an older tab does with the records of a newer one (F10). */
import { afterAll, describe, expect, it } from "vitest";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { drivers, type Handle, scratch } from "../../node/sqlite-databases.ts";
import { credentials, reply } from "../../support/fake-api.ts";
import { type Bench, bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";
import { HOUR, MINUTE } from "../refresh/faulty-parts.ts";

const [Database] = Object.values(drivers());
const { file, remove } = scratch();
const handles: Handle[] = [];
afterAll(() => {
  for (const db of handles) db.close();
  remove();
});

interface Older extends Bench {
  readonly db: Handle;
  /** The row as it lies there, whatever format it has. */
  row(): unknown;
}

async function older(): Promise<Older> {
  const db = new Database!(file());
  handles.push(db);
  const one = await signedIn({ store: sqliteStore(db) });
  return { ...one, db, row: () => db.prepare("SELECT head, body FROM tokenkeep").all() };
}

/** What a later version has made of the record meanwhile. */
function raiseFormat({ db }: Older): void {
  db.exec("UPDATE tokenkeep SET head = json_set(head, '$.format', 2, '$.revision', 7, '$.x', 1)");
}

const update = {
  code: "store_unavailable",
  message:
    "Cannot use the store: a record's format is unknown. Update tokenkeep, or reload a page that was open before.",
};

describe("a record of a later format", () => {
  it("leaves the older tab its token to the end, spends nothing, and stays as it is [F10 P16 S8]", async () => {
    const one = await older();
    raiseFormat(one);
    const later = one.row();
    await one.clock.advance(10 * MINUTE);
    expect((await one.vault.fetch(VMS)).status).toBe(200);
    await one.clock.advance(HOUR);
    expect(await rejection(one.clock.until(one.vault.fetch(VMS)))).toMatchObject(update);
    expect(refreshes(one)).toBe(0);
    expect(one.types()).toEqual(["signed-in", "store-trouble"]);
    expect(one.row()).toEqual(later);
  });

  it("is unavailable to an older tab that opens, and nobody is signed out [F10 P16]", async () => {
    const one = await older();
    raiseFormat(one);
    const { vault, types } = bench(one);
    expect(await rejection(one.clock.until(vault.fetch(VMS)))).toMatchObject(update);
    expect(vault.snapshot().status).toBe("unavailable");
    expect(types()).toEqual(["store-trouble"]);
  });

  it("is not ended by the older tab's sign-out, which says so [F10 P19 S14]", async () => {
    const one = await older();
    raiseFormat(one);
    const later = one.row();
    expect(await rejection(one.clock.until(one.vault.signOut()))).toMatchObject({
      code: "store_unavailable",
    });
    expect(one.vault.snapshot().status).toBe("signed-out");
    expect(one.row()).toEqual(later);
  });

  it("stays beside the older tab's next sign-in, which lives in memory [F10 P16 P19]", async () => {
    const one = await older();
    raiseFormat(one);
    const later = one.row();
    await one.clock.until(one.vault.signIn(credentials));
    expect(one.vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
    expect((await one.vault.fetch(VMS)).status).toBe(200);
    expect(one.row()).toEqual(later);
  });

  it("is taken up again when it has a format that is known [F10 P16]", async () => {
    const one = await older();
    raiseFormat(one);
    await one.clock.advance(HOUR);
    await rejection(one.clock.until(one.vault.fetch(VMS)));
    one.db.exec(`UPDATE tokenkeep SET head = json_set(head, '$.format', 1, '$.revision', 1)`);
    expect((await one.clock.until(one.vault.fetch(VMS))).status).toBe(200);
    expect(refreshes(one)).toBe(1);
  });
});

describe("a member of a record that this version does not know", () => {
  function add({ db }: Older): void {
    db.exec(
      "UPDATE tokenkeep SET head = json_set(head, '$.x', 1), body = json_set(body, '$.x', 1)",
    );
  }
  async function parts({ store }: Older): Promise<{ head: unknown; body: unknown }> {
    const [key = ""] = await store.list("");
    const { body, ...head } = (await store.read(key))!;
    return { head, body };
  }

  it("in the body is kept by intents, cool-downs and a refusal, and in the clear by none [F10]", async () => {
    const one = await older();
    add(one);
    one.api.refresh = () => reply(503, {});
    await one.clock.advance(HOUR);
    await rejection(one.clock.until(one.vault.fetch(VMS)));
    const troubled = await parts(one);
    expect(troubled.body).toMatchObject({ x: 1, coolDown: { tries: expect.any(Number) } });
    expect(troubled.head).not.toHaveProperty("x");
    one.api.refresh = () => reply(400, { error: "invalid_grant" });
    await one.clock.advance(10 * MINUTE);
    await rejection(one.clock.until(one.vault.fetch(VMS)));
    expect((await parts(one)).body).toMatchObject({ x: 1, refused: true });
  });

  it("in the body ends with the token set that it stood beside [F10]", async () => {
    const one = await older();
    add(one);
    await one.clock.advance(HOUR);
    expect((await one.clock.until(one.vault.fetch(VMS))).status).toBe(200);
    const { body } = await parts(one);
    expect(body).toMatchObject({ generation: 2 });
    expect(body).not.toHaveProperty("x");
  });
});
