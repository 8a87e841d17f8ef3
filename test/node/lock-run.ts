/** A process for `lock.test.ts`: holds a lock, or counts under it, or makes a key file. */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { loadBuiltins } from "../../src/node/builtins.ts";
import { keyFrom } from "../../src/node/key-file.ts";
import { processLock } from "../../src/node/lock.ts";
import { makeFolder } from "../../src/node/place.ts";

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
}
