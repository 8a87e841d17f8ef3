/** A connection that is lost, late or refused: it is made anew, in time, or the error says what to do. */
import { expect, it, vi } from "vitest";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import { factory, settle } from "../../support/browser-databases.ts";
import { headOf, record } from "../store.ts";
import { type DatabaseStage, unavailable } from "./database-stage.ts";

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

export function connections(stage: DatabaseStage): void {
  it("a connection that was closed underneath is opened again [F25]", async () => {
    const { database } = stage;
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
    const { database } = stage;
    const connections = watchConnections();
    const idb = factory();
    const store = indexedDbStore({ database, indexedDB: idb.made });
    await store.write("a", record(), undefined);
    connections[0]!.close();
    await Promise.all([store.read("a"), store.head("a"), store.list(""), store.read("b")]);
    expect(idb.opens).toBe(2);
  });

  it("a connection that dies each time is tried twice, then rejects [F25]", async () => {
    const { database } = stage;
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
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.write("a", record(), undefined);
    vi.spyOn(IDBObjectStore.prototype, "get").mockImplementationOnce(() => {
      throw new DOMException("Connection to Indexed Database server lost", "UnknownError");
    });
    expect(await store.read("a")).toEqual(record());
  });

  it("lets go when another context deletes the database, and begins anew [F25]", async () => {
    const { database } = stage;
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
    const { database } = stage;
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
    const { database } = stage;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const idb = factory();
    idb.open = () => ({});
    const store = indexedDbStore({ database, timeout: 4000, indexedDB: idb.made });
    const settled = vi.fn();
    const calls = [store.read("a"), store.write("a", record(), undefined), store.list("")];
    const errors = calls.map((call) => call.then(settled, (error: unknown) => (settled(), error)));
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
    const { database } = stage;
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
    const write = expect(store.write("a", record(), undefined)).rejects.toMatchObject(unavailable);
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
    const { database } = stage;
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
      const { database } = stage;
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

  it("one deadline covers both tries [F26 F59]", async () => {
    const { database } = stage;
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
}
