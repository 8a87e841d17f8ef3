/** The handle that all vaults of a process share. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { loadBuiltins } from "../../../src/node/builtins.ts";
import { takeShelf } from "../../../src/node/database.ts";
import { record } from "../../contracts/store.ts";

it("what is moved out of the journal when the handle is closed is flushed to the disk on macOS too [P5 P20]", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-database-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const real = loadBuiltins();
  const levels: unknown[] = [];
  const builtins = {
    ...real,
    open(file: string) {
      const db = real.open(file);
      const close = db.close.bind(db);
      db.close = () => {
        levels.push(Object.values(Object(db.prepare("PRAGMA fullfsync").get())));
        close();
      };
      return db;
    },
  };
  const shelf = takeShelf(builtins, folder, true);
  expect(await shelf.reach().write("a", record(), undefined)).toBe(true);
  shelf.close();
  expect(levels).toEqual([[1]]);
});
