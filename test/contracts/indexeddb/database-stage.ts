/** What the tests of IndexedDB stand on: a fresh database for each, and the platform as it was afterwards. */
import { afterEach, beforeEach, vi } from "vitest";
import { freshDatabase } from "../../support/browser-databases.ts";

export interface DatabaseStage {
  /** The name of this test's database. */
  readonly database: string;
}

export const unavailable = { name: "VaultError", code: "store_unavailable" };

export function databaseStage(): DatabaseStage {
  const stage = { database: "" };
  beforeEach(() => {
    stage.database = freshDatabase();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  return stage;
}
