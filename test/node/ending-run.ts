/** A process for `endings.test.ts`: it signs in, asks for a token, is ended in mid-refresh, or has no file left to open. */
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { createVault } from "../../src/node.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { clockAhead } from "../support/clock.ts";
import { messageOf } from "../support/obeying-process.ts";

const [what, path = "", baseURL = "", ahead = "0"] = process.argv.slice(2);

const vault = createVault({
  path,
  provider: vmcloud({ baseURL }),
  dangerouslyAllowLoopbackHttp: true,
  maxStaleness: 1e10,
  clock: clockAhead(() => Number(ahead)),
});

const ask = (): Promise<string> => vault.getToken().then(() => "a token", messageOf);

/** Opens files until the system gives none. */
function openAll(): readonly number[] {
  const files: number[] = [];
  for (;;)
    try {
      files.push(openSync("/dev/null", "r"));
    } catch {
      return files;
    }
}

/** Dies in the middle of a transaction that is partly on the disk, with a journal that undoes it. */
function dieWriting(): void {
  const db = new DatabaseSync(`${path}/sessions.db`);
  db.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE");
  db.exec("UPDATE tokenkeep SET head = 'torn'; CREATE TABLE filler (text TEXT)");
  const fill = db.prepare("INSERT INTO filler VALUES (?)");
  for (let left = 200; left; left--) fill.run("x".repeat(4000));
  process.kill(process.pid, "SIGKILL");
}

if (what === "sign in") await vault.signIn(ada);
else if (what === "die writing") dieWriting();
else if (what === "run out of files") {
  const files = openAll();
  console.log(await ask());
  for (const file of files) closeSync(file);
}
process.once("SIGTERM", async () => {
  console.log("ending");
  await vault[Symbol.asyncDispose]();
  process.exit();
});
console.log(await ask());
