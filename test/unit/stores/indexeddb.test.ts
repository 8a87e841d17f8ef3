/** IndexedDB where Node has none: by a fake. Real ones are in test/runtimes/browser.test.ts. */
import "fake-indexeddb/auto";
import { forceCloseDatabase } from "fake-indexeddb";
import { afterEach, expect, it, vi } from "vitest";
import { encrypted } from "../../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import { freshDatabase, indexedDbContract } from "../../contracts/indexeddb.ts";
import { sealingContract } from "../../contracts/sealing.ts";
import { record, storeContract } from "../../contracts/store.ts";

indexedDbContract("fake");
sealingContract("fake IndexedDB", () => indexedDbStore({ database: freshDatabase() }));
storeContract(
  "encrypted over fake IndexedDB",
  () => encrypted(indexedDbStore({ database: freshDatabase() })),
  {
    twins: () => {
      const database = freshDatabase();
      return [encrypted(indexedDbStore({ database })), encrypted(indexedDbStore({ database }))];
    },
  },
);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("F25 a connection that the browser closes with a close event is opened again", async () => {
  const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
  const store = indexedDbStore({ database: freshDatabase() });
  await store.write("a", record(), undefined);
  forceCloseDatabase(transaction.mock.contexts[0] as never);
  expect(await store.read("a")).toEqual(record());
});

it("P16 a missing IndexedDB rejects, and says what to do", async () => {
  vi.stubGlobal("indexedDB", undefined);
  await expect(indexedDbStore().read("a")).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("allow site data"),
  });
});

it("F10 copies of the library share one database by default", async () => {
  const open = vi.spyOn(indexedDB, "open");
  await indexedDbStore().read("a");
  expect(open.mock.calls).toEqual([["tokenkeep"]]);
});
