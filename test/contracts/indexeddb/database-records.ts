/** What stands in a database: records that nobody can read are left alone, and names that are no accounts'. */
import { expect, it } from "vitest";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import type { StoredRecord } from "../../../src/types.ts";
import { dig, freshDatabase, plant } from "../../support/browser-databases.ts";
import { headOf, record } from "../store.ts";
import { type DatabaseStage, unavailable } from "./database-stage.ts";

export function records(stage: DatabaseStage): void {
  it.each<[string, unknown]>([
    ["of a newer format", { ...record(), format: 2 }],
    ["without a format", { ...record(), format: undefined }],
    ["that is a string", "session"],
    ["that is a list", [record()]],
    ["without a session id", { ...record(), sessionId: undefined }],
    ["with a session id that is a number", { ...record(), sessionId: 1 }],
    ["with a session id without end", { ...record(), sessionId: "x".repeat(65) }],
    ["with a revision that is a string", { ...record(), revision: "1" }],
    ["with a revision that is NaN", { ...record(), revision: Number.NaN }],
    ["with a revision beyond counting", { ...record(), revision: 2 ** 53 }],
    ["with an attempt id that is no string", { ...record(), attemptId: {} }],
    ["with an attempt id without end", { ...record(), attemptId: "x".repeat(65) }],
    ["with a tombstone that is no flag", { ...record(), tombstone: "yes" }],
  ])("a record %s is unavailable and left untouched [S10 F10]", async (_, planted) => {
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.list("");
    await plant(database, "a", planted);
    const next = record({ revision: 2 });
    for (const call of [
      () => store.read("a"),
      () => store.head("a"),
      () => store.write("a", next, undefined),
      () => store.write("a", next, headOf(record())),
      () => store.write("a", undefined, headOf(record())),
      () => store.write("a", undefined, undefined),
    ])
      await expect(call()).rejects.toMatchObject({
        ...unavailable,
        message: expect.stringContaining("Update tokenkeep"),
      });
    expect(await dig(database, "a")).toEqual(planted);
    expect(await store.list("")).toEqual(["a"]);
    expect(await store.write("b", record(), undefined)).toBe(true);
  });

  it("a row that comes back as null, its key lost, is a record that does not open, and can be replaced [S8 F27 F29]", async () => {
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.list("");
    for (const next of [record(), undefined]) {
      await plant(database, "a", null);
      const found = await store.read("a");
      expect([found?.format, found?.body, found?.tombstone]).toEqual([1, undefined, undefined]);
      expect(await store.head("a")).toEqual(found);
      expect(await store.write("a", record(), undefined)).toBe(false);
      expect(await store.write("a", next, headOf(found!))).toBe(true);
      expect(await store.read("a")).toEqual(next);
    }
  });

  it("what a polluted Object.prototype holds is not part of a record [S10]", async () => {
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.write("a", record(), undefined);
    await plant(database, "b", {});
    Object.assign(Object.prototype, { tombstone: true, attemptId: "forged", ...record() });
    try {
      const read = (await store.read("a")) as StoredRecord;
      const head = (await store.head("a"))!;
      expect([read.tombstone, read.attemptId, head.tombstone, head.attemptId]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      await expect(store.read("b")).rejects.toMatchObject(unavailable);
    } finally {
      const polluted = Object.prototype as Record<string, unknown>;
      for (const member of ["tombstone", "attemptId", ...Object.keys(record())])
        delete polluted[member];
    }
  });

  it("list() gives texts alone, whatever else stands there [F81]", async () => {
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.write("p|a", record(), undefined);
    await store.scope!();
    for (const key of [7, new Date(0), ["p|b"], new Uint8Array(2)])
      await plant(database, key as IDBValidKey, record());
    // A text that is no account's is listed: it is the vault's to pass over it.
    await plant(database, "p|%", record());
    expect((await store.list("")).toSorted()).toEqual(["p|%", "p|a"]);
    expect(await store.list("scope")).toEqual([]);
  });

  it("a record that holds itself, or more than a session can, is unavailable [S10]", async () => {
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.list("");
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    let wide: unknown = {};
    for (let depth = 0; depth < 40; depth++) wide = [wide, wide];
    for (const body of [circle, wide]) {
      await plant(database, "a", record({ body }));
      await expect(store.read("a")).rejects.toMatchObject(unavailable);
    }
  });

  it("databases do not mix [S11]", async () => {
    const { database } = stage;
    const one = indexedDbStore({ database });
    const two = indexedDbStore({ database: freshDatabase() });
    await one.write("a", record(), undefined);
    expect(await two.read("a")).toBeUndefined();
  });
}
