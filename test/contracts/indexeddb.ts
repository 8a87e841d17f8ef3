/**
 * What `indexedDbStore` must do with a real IndexedDB, and with one that misbehaves. It uses the
 * runtime's own `indexedDB`, or the fake that stands in for it.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import type { StoredRecord } from "../../src/types.ts";
import {
  dig,
  factory,
  freshDatabase,
  makeDatabase,
  plant,
  settle,
} from "../support/browser-databases.ts";
import { headOf, record, storeContract } from "./store.ts";

const unavailable = { name: "VaultError", code: "store_unavailable" };

export function indexedDbContract(name: string): void {
  storeContract(`${name} IndexedDB`, () => indexedDbStore({ database: freshDatabase() }), {
    twins: () => {
      const database = freshDatabase();
      return [indexedDbStore({ database }), indexedDbStore({ database })];
    },
    stored: ({ namespace }, key) => dig(namespace!, key),
  });

  describe(`indexedDbStore: ${name}`, () => {
    let database: string;
    beforeEach(() => {
      database = freshDatabase();
    });
    afterEach(() => {
      vi.useRealTimers();
      vi.restoreAllMocks();
    });

    /** The connections in use, in order. */
    function watchConnections(): IDBDatabase[] {
      const seen: IDBDatabase[] = [];
      const real = IDBDatabase.prototype.transaction;
      vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (
        this: IDBDatabase,
        ...args
      ) {
        if (seen.at(-1) !== this) seen.push(this);
        return real.apply(this, args);
      });
      return seen;
    }

    it("every write asks for strict durability [P5 F25]", async () => {
      const store = indexedDbStore({ database });
      const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
      await store.write("a", record(), undefined);
      await store.write("a", record({ revision: 2 }), headOf(record()));
      await store.write("a", undefined, headOf(record({ revision: 2 })));
      const writes = transaction.mock.calls
        .map((call, at) => ({
          call,
          result: transaction.mock.results[at]!.value as IDBTransaction,
        }))
        .filter(({ call }) => call[1] === "readwrite");
      expect(writes).toHaveLength(3);
      for (const { call, result } of writes) {
        expect(call[2]).toEqual({ durability: "strict" });
        // Where the engine tells, it has understood.
        expect(result.durability ?? "strict").toBe("strict");
      }
    });

    it("a comparison and its write are one transaction [P3]", async () => {
      const store = indexedDbStore({ database });
      await store.list("");
      const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
      await store.write("a", record(), undefined);
      expect(transaction).toHaveBeenCalledTimes(1);
    });

    it("a write resolves after its transaction's complete [P5 F25]", async () => {
      const store = indexedDbStore({ database });
      const order: string[] = [];
      const real = IDBObjectStore.prototype.put;
      vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
        this: IDBObjectStore,
        ...args
      ) {
        this.transaction.addEventListener("complete", () => order.push("complete"));
        const request = real.apply(this, args);
        request.addEventListener("success", () => order.push("success"));
        return request;
      });
      await store.write("a", record(), undefined);
      order.push("resolved");
      expect(order).toEqual(["success", "complete", "resolved"]);
    });

    it("a transaction that aborts after the put's success rejects, and is not done again [P5]", async () => {
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      const real = IDBObjectStore.prototype.put;
      const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
        this: IDBObjectStore,
        ...args
      ) {
        const request = real.apply(this, args);
        request.addEventListener("success", () => this.transaction.abort());
        return request;
      });
      await expect(
        store.write("a", record({ revision: 2 }), headOf(record())),
      ).rejects.toMatchObject(unavailable);
      expect(put).toHaveBeenCalledTimes(1);
      put.mockRestore();
      expect(await store.read("a")).toEqual(record());
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
    });

    it("a full disk rejects, says what to do and leaves the record as it was [S4 P16]", async () => {
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
        throw new DOMException("refresh-1 does not fit", "QuotaExceededError");
      });
      const next = record({ revision: 2 });
      const error: Error = await store.write("a", next, headOf(record())).then(
        () => expect.unreachable(),
        (reason) => reason,
      );
      expect(error).toMatchObject(unavailable);
      expect(error.message).toMatch(/free disk space/);
      expect(error.message).not.toMatch(/refresh-1/);
      expect(error.cause).toBeUndefined();
      // A write that may have been done is not done again: it would lose against itself.
      expect(put).toHaveBeenCalledTimes(1);
      put.mockRestore();
      expect(await store.read("a")).toEqual(record());
      expect(await store.write("a", next, headOf(record()))).toBe(true);
    });

    it("what cannot be cloned rejects and leaves the record as it was [P16]", async () => {
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      await expect(
        store.write("a", record({ revision: 2, body: () => {} }), headOf(record())),
      ).rejects.toMatchObject(unavailable);
      expect(await store.read("a")).toEqual(record());
    });

    it("a connection that was closed underneath is opened again [F25]", async () => {
      const connections = watchConnections();
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      connections[0]!.close();
      expect(await store.read("a")).toEqual(record());
      connections.at(-1)!.close();
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
      connections.at(-1)!.close();
      expect(await store.list("")).toEqual(["a"]);
      expect((await store.head("a"))?.revision).toBe(2);
    });

    it("many calls on a dead connection share one new one [F25]", async () => {
      const connections = watchConnections();
      const idb = factory();
      const store = indexedDbStore({ database, indexedDB: idb.made });
      await store.write("a", record(), undefined);
      connections[0]!.close();
      await Promise.all([store.read("a"), store.head("a"), store.list(""), store.read("b")]);
      expect(idb.opens).toBe(2);
    });

    it("a connection that dies each time is tried twice, then rejects [F25]", async () => {
      const store = indexedDbStore({ database });
      await store.list("");
      const transaction = vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(() => {
        throw new DOMException("The connection is closing", "InvalidStateError");
      });
      await expect(store.read("a")).rejects.toMatchObject(unavailable);
      await expect(store.write("a", record(), undefined)).rejects.toMatchObject(unavailable);
      expect(transaction).toHaveBeenCalledTimes(4);
      transaction.mockRestore();
      expect(await store.write("a", record(), undefined)).toBe(true);
    });

    it("a read whose connection is lost on the way is done once more [F25]", async () => {
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      vi.spyOn(IDBObjectStore.prototype, "get").mockImplementationOnce(() => {
        throw new DOMException("Connection to Indexed Database server lost", "UnknownError");
      });
      expect(await store.read("a")).toEqual(record());
    });

    it("lets go when another context deletes the database, and begins anew [F25]", async () => {
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      const deletion = indexedDB.deleteDatabase(database);
      const blocked = vi.fn();
      deletion.addEventListener("blocked", blocked);
      await settle(deletion);
      expect(blocked).not.toHaveBeenCalled();
      expect(await store.read("a")).toBeUndefined();
      expect(await store.write("a", record(), undefined)).toBe(true);
    });

    it("lets go when a newer copy upgrades, and goes on beside it [F10]", async () => {
      const store = indexedDbStore({ database });
      await store.write("a", record(), undefined);
      const request = indexedDB.open(database, 2);
      const blocked = vi.fn();
      request.addEventListener("blocked", blocked);
      const newer = await settle(request);
      expect(blocked).not.toHaveBeenCalled();
      expect(await store.read("a")).toEqual(record());
      newer.close();
    });

    it("an open that never answers rejects at the deadline; later calls try anew [F26]", async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const idb = factory();
      idb.open = () => ({});
      const store = indexedDbStore({ database, timeout: 4000, indexedDB: idb.made });
      const settled = vi.fn();
      const calls = [store.read("a"), store.write("a", record(), undefined), store.list("")];
      const errors = calls.map((call) =>
        call.then(settled, (error: unknown) => (settled(), error)),
      );
      await vi.advanceTimersByTimeAsync(3999);
      expect(settled).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      for (const error of await Promise.all(errors)) expect(error).toMatchObject(unavailable);
      expect(idb.opens).toBe(1);
      idb.open = undefined;
      expect(await store.write("a", record(), undefined)).toBe(true);
      expect(await store.read("a")).toEqual(record());
      expect(vi.getTimerCount()).toBe(0);
    });

    it("a connection that comes after the deadline is closed, and nothing is written by it [F26]", async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const idb = factory();
      let opened!: Promise<IDBDatabase>;
      const late: { onsuccess?: () => void; result?: IDBDatabase } = {};
      idb.open = (name) => {
        const real = indexedDB.open(name);
        real.addEventListener("upgradeneeded", () => real.result.createObjectStore("records"));
        // At once: it may be open before the deadline is over.
        opened = settle(real);
        return late;
      };
      const store = indexedDbStore({ database, timeout: 10, indexedDB: idb.made });
      const write = expect(store.write("a", record(), undefined)).rejects.toMatchObject(
        unavailable,
      );
      await vi.advanceTimersByTimeAsync(10);
      await write;
      late.result = await opened;
      late.onsuccess!();
      await Promise.resolve();
      await vi.advanceTimersByTimeAsync(0);
      expect(() => late.result!.transaction("records")).toThrow();
      idb.open = undefined;
      expect(await store.read("a")).toBeUndefined();
    });

    it("a transaction that never answers rejects at the deadline; later calls try anew [F26]", async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const store = indexedDbStore({ database, timeout: 4000 });
      await store.write("a", record(), undefined);
      const asked = new Promise<void>((resolve) => {
        vi.spyOn(IDBObjectStore.prototype, "get").mockImplementationOnce(() => {
          resolve();
          return {} as IDBRequest;
        });
      });
      const call = expect(store.read("a")).rejects.toMatchObject(unavailable);
      await asked;
      await vi.advanceTimersByTimeAsync(4000);
      await call;
      expect(await store.read("a")).toEqual(record());
      expect(vi.getTimerCount()).toBe(0);
    });

    it.each([
      [
        "throws",
        () => {
          throw new DOMException("refused: https://user:secret@host", "SecurityError");
        },
      ],
      [
        "fails",
        () => {
          const request = {
            error: new DOMException("secret path", "UnknownError"),
            set onerror(listener: () => void) {
              queueMicrotask(listener);
            },
          };
          return request;
        },
      ],
    ])(
      "an open that %s rejects with a constant message; later calls try anew [S4 P16]",
      async (_, open) => {
        const idb = factory();
        idb.open = open;
        const store = indexedDbStore({ database, indexedDB: idb.made });
        const error: Error = await store.read("a").then(
          () => expect.unreachable(),
          (reason) => reason,
        );
        expect(error).toMatchObject(unavailable);
        expect(error.message).toMatch(/Allow site data/);
        expect(`${error.message} ${error.stack}`).not.toMatch(/secret/);
        expect(error.cause).toBeUndefined();
        idb.open = undefined;
        expect(await store.write("a", record(), undefined)).toBe(true);
      },
    );

    it.each<[string, unknown]>([
      ["of a newer format", { ...record(), format: 2 }],
      ["without a format", { ...record(), format: undefined }],
      ["that is null", null],
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

    it("what a polluted Object.prototype holds is not part of a record [S10]", async () => {
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

    describe("a database that somebody else has made", () => {
      const raise = (): Promise<IDBDatabase> => settle(indexedDB.open(database));

      it("without an object store: it is opened one version higher [F74]", async () => {
        (await makeDatabase(database, 7)).close();
        const store = indexedDbStore({ database });
        expect(await store.write("a", record(), undefined)).toBe(true);
        expect(await indexedDbStore({ database }).read("a")).toEqual(record());
        const db = await raise();
        expect([db.version, [...db.objectStoreNames]]).toEqual([8, ["records"]]);
        db.close();
      });

      it("without an object store: ten that start together all open it [F74]", async () => {
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
        const holder = await makeDatabase(database, 1);
        const store = indexedDbStore({ database, timeout: 50 });
        await expect(store.read("a")).rejects.toMatchObject(unavailable);
        holder.close();
        const patient = indexedDbStore({ database });
        expect(await patient.write("a", record(), undefined)).toBe(true);
        expect(await store.read("a")).toEqual(record());
      });

      it("in a higher version, with the object store: it is used as it is [F74]", async () => {
        (await makeDatabase(database, 9, ["records", "other"])).close();
        const store = indexedDbStore({ database });
        expect(await store.write("a", record(), undefined)).toBe(true);
        const db = await raise();
        expect(db.version).toBe(9);
        db.close();
      });

      it("shared with the application: the cause is named, and the version stays [F74 F10]", async () => {
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
          const store = indexedDbStore({ database });
          await store.list("");
          await plant(database, ["scope"], odd);
          expect(await store.scope!()).toBeUndefined();
          expect(await dig(database, ["scope"])).toEqual(odd);
        },
      );

      it("is unavailable where the database is [P16]", async () => {
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

    it("one deadline covers both tries [F26 F59]", async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const idb = factory();
      const fails: (() => void)[] = [];
      idb.open = () => ({
        error: new DOMException("lost", "UnknownError"),
        set onerror(listener: () => void) {
          fails.push(listener);
        },
      });
      const store = indexedDbStore({ database, timeout: 4000, indexedDB: idb.made });
      const settled = vi.fn();
      const call = store.read("a").catch(settled);
      await vi.advanceTimersByTimeAsync(3000);
      fails[0]!();
      await vi.advanceTimersByTimeAsync(999);
      expect([idb.opens, settled.mock.calls.length]).toEqual([2, 0]);
      await vi.advanceTimersByTimeAsync(1);
      await call;
      expect(settled).toHaveBeenCalledWith(expect.objectContaining(unavailable));
    });

    it("list() gives texts alone, whatever else stands there [F81]", async () => {
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
      const one = indexedDbStore({ database });
      const two = indexedDbStore({ database: freshDatabase() });
      await one.write("a", record(), undefined);
      expect(await two.read("a")).toBeUndefined();
    });
  });
}
