/**
 * The store contract over SQLite, for a Node that is too old for Vitest: prints the titles of the cases
 * that failed, each with its reason, and how many held.
 */
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { storeContract } from "../../src/testing.ts";
import type { TokenStore } from "../../src/types.ts";
import { drivers, scratch } from "./sqlite-databases.ts";

const keys = keyring(`k1:${btoa("0123456789abcdef0123456789abcdef")}`);
const { file, remove } = scratch();
const failed: string[] = [];
let held = 0;

for (const Database of Object.values(drivers())) {
  const plain = (at: string): TokenStore => sqliteStore(new Database(at));
  const sealed = (at: string): TokenStore => encrypted(plain(at), keys);
  for (const open of [plain, sealed]) {
    const twins = () => {
      const at = file();
      return [open(at), open(at)] as const;
    };
    for (const { title, run } of storeContract(() => open(file()), { twins }))
      try {
        await run();
        held += 1;
      } catch (error) {
        failed.push(`${title}: ${String(error)}`);
      }
  }
}
remove();
console.log(JSON.stringify({ failed, held }));
