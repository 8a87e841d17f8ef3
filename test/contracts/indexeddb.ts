/**
 * What `indexedDbStore` must do with a real IndexedDB, and with one that misbehaves. It uses the
 * runtime's own `indexedDB`, or the fake that stands in for it.
 */
import { describe } from "vitest";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import { dig, freshDatabase } from "../support/browser-databases.ts";
import { connections } from "./indexeddb/database-connections.ts";
import { owners } from "./indexeddb/database-owners.ts";
import { records } from "./indexeddb/database-records.ts";
import { databaseStage } from "./indexeddb/database-stage.ts";
import { writes } from "./indexeddb/database-writes.ts";
import { storeContract } from "./store.ts";

export function indexedDbContract(name: string): void {
  storeContract(`${name} IndexedDB`, () => indexedDbStore({ database: freshDatabase() }), {
    twins: () => {
      const database = freshDatabase();
      return [indexedDbStore({ database }), indexedDbStore({ database })];
    },
    stored: ({ namespace }, key) => dig(namespace!, key),
  });

  describe(`indexedDbStore: ${name}`, () => {
    const stage = databaseStage();
    writes(stage);
    connections(stage);
    records(stage);
    owners(stage);
  });
}
