/** Databases that somebody else has made, and the scope that tells one from another. */
import { describe, expect, it, vi } from "vitest";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import {
  dig,
  factory,
  freshDatabase,
  makeDatabase,
  plant,
  settle,
} from "../../support/browser-databases.ts";
import { record } from "../store.ts";
import { type DatabaseStage, unavailable } from "./database-stage.ts";

export function owners(stage: DatabaseStage): void {
  describe("a database that somebody else has made", () => {
    const raise = (): Promise<IDBDatabase> => settle(indexedDB.open(stage.database));

    it("without an object store: it is opened one version higher [F74]", async () => {
      const { database } = stage;
      (await makeDatabase(database, 7)).close();
      const store = indexedDbStore({ database });
      expect(await store.write("a", record(), undefined)).toBe(true);
      expect(await indexedDbStore({ database }).read("a")).toEqual(record());
      const db = await raise();
      expect([db.version, [...db.objectStoreNames]]).toEqual([8, ["records"]]);
      db.close();
    });

    it("without an object store: ten that start together all open it [F74]", async () => {
      const { database } = stage;
      (await makeDatabase(database, 1)).close();
      const stores = Array.from({ length: 10 }, () => indexedDbStore({ database }));
      const won = await Promise.all(
        stores.map((store, at) =>
          store.write("a", record({ sessionId: `session-${at}` }), undefined),
        ),
      );
      expect(won.filter(Boolean)).toEqual([true]);
      const db = await raise();
      expect(db.version).toBe(2);
      db.close();
    });

    it("without an object store, and held open: unavailable in time, then opened [F74 F26]", async () => {
      const { database } = stage;
      const holder = await makeDatabase(database, 1);
      const store = indexedDbStore({ database, timeout: 50 });
      await expect(store.read("a")).rejects.toMatchObject(unavailable);
      holder.close();
      const patient = indexedDbStore({ database });
      expect(await patient.write("a", record(), undefined)).toBe(true);
      expect(await store.read("a")).toEqual(record());
    });

    it("in a higher version, with the object store: it is used as it is [F74]", async () => {
      const { database } = stage;
      (await makeDatabase(database, 9, ["records", "other"])).close();
      const store = indexedDbStore({ database });
      expect(await store.write("a", record(), undefined)).toBe(true);
      const db = await raise();
      expect(db.version).toBe(9);
      db.close();
    });

    it("shared with the application: the cause is named, and the version stays [F74 F10]", async () => {
      const { database } = stage;
      const application = await makeDatabase(database, 3, ["other"]);
      const store = indexedDbStore({ database });
      const error = {
        ...unavailable,
        message: expect.stringMatching(/another's\. Pass indexedDbStore\(\{ database/),
      };
      for (let tries = 0; tries < 2; tries++) {
        await expect(store.read("a")).rejects.toMatchObject(error);
        await expect(store.write("a", record(), undefined)).rejects.toMatchObject(error);
      }
      application.close();
      // Else the application, which opens its version, would be shut out.
      (await makeDatabase(database, 3)).close();
      // Once it is out of the way, the next call sees it.
      await settle(indexedDB.deleteDatabase(database));
      expect(await store.write("a", record(), undefined)).toBe(true);
    });

    it("with an object store of this name whose keys are its own: the cause is named [F74]", async () => {
      const { database } = stage;
      (await makeDatabase(database, 1, ["records"], { keyPath: "id" })).close();
      const store = indexedDbStore({ database });
      expect(await store.read("a")).toBeUndefined();
      await expect(store.write("a", record(), undefined)).rejects.toMatchObject({
        ...unavailable,
        message: expect.stringContaining("another's"),
      });
    });
  });

  describe("its scope", () => {
    it("ten that start together agree on one random id, and nobody lists it", async () => {
      const { database } = stage;
      const stores = Array.from({ length: 10 }, () => indexedDbStore({ database }));
      const scopes = new Set(await Promise.all(stores.map((store) => store.scope!())));
      expect(scopes.size).toBe(1);
      const [scope] = [...scopes];
      expect(scope).toMatch(/^\w{7,64}$/);
      expect(await indexedDbStore({ database }).scope!()).toBe(scope);
      expect(await stores[0]!.list("")).toEqual([]);
      for (const key of ["scope", "", "0"]) expect(await stores[0]!.read(key)).toBeUndefined();
      expect(await indexedDbStore({ database: freshDatabase() }).scope!()).not.toBe(scope);
    });

    it("is answered from memory afterwards, until the database is deleted", async () => {
      const { database } = stage;
      const store = indexedDbStore({ database });
      const scope = await store.scope!();
      const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
      expect(await store.scope!()).toBe(scope);
      expect(transaction).not.toHaveBeenCalled();
      await settle(indexedDB.deleteDatabase(database));
      expect(await store.scope!()).not.toBe(scope);
    });

    it.each([1, {}, ["x"], "x".repeat(65)])(
      "%o in its place is none, and stays [S10]",
      async (odd) => {
        const { database } = stage;
        const store = indexedDbStore({ database });
        await store.list("");
        await plant(database, ["scope"], odd);
        expect(await store.scope!()).toBeUndefined();
        expect(await dig(database, ["scope"])).toEqual(odd);
      },
    );

    it("is unavailable where the database is [P16]", async () => {
      const { database } = stage;
      const idb = factory();
      idb.open = () => {
        throw new DOMException("denied", "SecurityError");
      };
      const store = indexedDbStore({ database, indexedDB: idb.made });
      await expect(store.scope!()).rejects.toMatchObject(unavailable);
      idb.open = undefined;
      expect(await store.scope!()).toMatch(/./);
    });
  });
}
