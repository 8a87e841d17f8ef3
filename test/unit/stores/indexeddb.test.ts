/** IndexedDB where Node has none: by a fake. Real ones are in test/runtimes/browser.test.ts. */
import "fake-indexeddb/auto";
import { forceCloseDatabase } from "fake-indexeddb";
import { afterEach, expect, it, vi } from "vitest";
import { encrypted } from "../../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import { indexedDbContract } from "../../contracts/indexeddb.ts";
import { createVault, type Vault } from "../../../src/index.ts";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { dig, freshDatabase, plant } from "../../support/browser-databases.ts";
import { acme, credentials, fakeApi } from "../../support/fake-api.ts";
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

it("a connection that the browser closes with a close event is opened again [F25]", async () => {
  const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
  const store = indexedDbStore({ database: freshDatabase() });
  await store.write("a", record(), undefined);
  forceCloseDatabase(transaction.mock.contexts[0] as never);
  expect(await store.read("a")).toEqual(record());
});

it("a missing IndexedDB rejects, and says what to do [P16]", async () => {
  vi.stubGlobal("indexedDB", undefined);
  await expect(indexedDbStore().read("a")).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("Allow site data"),
  });
});

it("a key that cannot be cloned, as on some iPhones, is told as that [F27 P16]", async () => {
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("The object can not be cloned.", "DataCloneError");
  });
  const store = encrypted(indexedDbStore({ database: freshDatabase() }));
  await expect(store.write("a", record(), undefined)).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("keys cannot be kept"),
  });
});

it("a session whose key is lost signs out, tells of it, and is replaced by the next sign-in [S8 F27 F29]", async () => {
  const database = freshDatabase();
  const api = fakeApi();
  const open = (): Vault<PasswordCredentials> =>
    createVault({
      provider: acme(),
      store: encrypted(indexedDbStore({ database })),
      fetch: api.fetch,
    });
  const first = open();
  await first.signIn(credentials);
  first.close();
  const keys = await indexedDbStore({ database }).list("");
  for (const key of keys) await plant(database, key, null);

  const second = open();
  const events: string[] = [];
  second.events(({ type }) => events.push(type));
  await expect(second.getToken()).rejects.toMatchObject({ code: "no_session" });
  expect(second.snapshot().status).toBe("signed-out");
  expect(events).toContain("unreadable");
  await second.signIn(credentials);
  expect(second.snapshot()).toMatchObject({ status: "signed-in", persisted: true });
  for (const key of keys) await plant(database, key, null);
  second.close();
  const third = open();
  await third.signOut();
  expect(await dig(database, keys[0]!)).toMatchObject({ tombstone: true });
  third.close();
});

it("copies of the library share one database by default [F10]", async () => {
  const open = vi.spyOn(indexedDB, "open");
  await indexedDbStore().read("a");
  expect(open.mock.calls).toEqual([["tokenkeep", undefined]]);
});

it.each([2 ** 31, Infinity])("a timeout of %d ms is not over at once [F15]", async (timeout) => {
  const timer = vi.spyOn(globalThis, "setTimeout");
  await indexedDbStore({ database: freshDatabase(), timeout })
    .read("a")
    .catch(() => {});
  const [, ms] = timer.mock.calls.find(([, ms]) => ms! > 1e6 || ms === timeout)!;
  expect(ms).toBeLessThan(2 ** 31);
});

it("list() needs nothing but the factory, and passes over keys that are no texts [S10]", async () => {
  const database = freshDatabase();
  const store = indexedDbStore({ database, indexedDB });
  await store.write("p|a", record(), undefined);
  const request = indexedDB.open(database);
  await new Promise((resolve) => (request.onsuccess = resolve));
  const table = request.result.transaction("records", "readwrite").objectStore("records");
  for (const key of [7, new Date(0), ["p|b"]]) table.put({}, key);
  await new Promise((resolve) => (table.transaction.oncomplete = resolve));
  request.result.close();
  vi.stubGlobal("IDBKeyRange", undefined);
  expect(await store.list("p|")).toEqual(["p|a"]);
});
