/** How a record gets into IndexedDB: in one transaction, durably, or not at all. */
import { expect, it, vi } from "vitest";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import { headOf, record } from "../store.ts";
import { type DatabaseStage, unavailable } from "./database-stage.ts";

export function writes(stage: DatabaseStage): void {
  it("every write asks for strict durability [P5 F25]", async () => {
    const { database } = stage;
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
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.list("");
    const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
    await store.write("a", record(), undefined);
    expect(transaction).toHaveBeenCalledTimes(1);
  });

  it("a write resolves after its transaction's complete [P5 F25]", async () => {
    const { database } = stage;
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
    const { database } = stage;
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
    await expect(store.write("a", record({ revision: 2 }), headOf(record()))).rejects.toMatchObject(
      unavailable,
    );
    expect(put).toHaveBeenCalledTimes(1);
    put.mockRestore();
    expect(await store.read("a")).toEqual(record());
    expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
  });

  it("a full disk rejects, says what to do and leaves the record as it was [S4 P16]", async () => {
    const { database } = stage;
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
    const { database } = stage;
    const store = indexedDbStore({ database });
    await store.write("a", record(), undefined);
    await expect(
      store.write("a", record({ revision: 2, body: () => {} }), headOf(record())),
    ).rejects.toMatchObject(unavailable);
    expect(await store.read("a")).toEqual(record());
  });
}
