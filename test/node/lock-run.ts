/** A process for `lock-and-key-file.test.ts`: holds a lock, or counts under it, makes a key file, or writes a record. */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { loadBuiltins } from "../../src/node/builtins.ts";
import { sealed, takeShelf } from "../../src/node/database.ts";
import { keyFrom } from "../../src/node/key-file.ts";
import { processLock } from "../../src/node/lock.ts";
import { makeFolder } from "../../src/node/place.ts";
import { keyring } from "../../src/stores/encrypted.ts";

const [what, folder = "", name = ""] = process.argv.slice(2);
const builtins = loadBuiltins();
const lock = processLock(builtins, { folder });
const never = new AbortController().signal;

/** Adds one in three steps: two that do it at the same time lose one. */
async function count(): Promise<void> {
  const before = Number(readFileSync(name, "utf8"));
  await new Promise((resolve) => setTimeout(resolve, 2));
  writeFileSync(name, String(before + 1));
}

if (what === "count") for (let left = 5; left; left--) await lock.run("count", count, never);
else if (what === "hold") {
  const release = await lock.hold?.(name);
  console.log(release ? "held" : "not held");
  setInterval(() => release, 1000);
} else if (what === "key") {
  makeFolder(builtins, folder);
  console.log(keyFrom(builtins, folder));
} else if (what === "store") {
  const { reach } = takeShelf(builtins, folder, true);
  const store = sealed({ reach }, () => keyring(() => keyFrom(builtins, folder)));
  const record = { format: 1, sessionId: name, revision: 1, body: { name } } as const;
  const isWritten = await store.write(name, record, undefined);
  console.log(JSON.stringify([isWritten, await store.scope?.()]));
}
