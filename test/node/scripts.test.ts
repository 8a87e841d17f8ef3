/** The commands of `package.json` under the Nodes of this machine: they start again under the one that `npm ci` brought. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { findNodes } from "../package/nodes.ts";

const scripts = path.join(import.meta.dirname, "../../scripts");
const starting = readdirSync(scripts)
  .filter((name) => name.endsWith(".js"))
  .filter((name) => /^useOwnNode\(\);$/m.test(readFileSync(path.join(scripts, name), "utf8")));
const older = findNodes().filter(({ version }) => Number(version.slice(1).split(".")[0]) < 22);
if (older.length === 0) console.warn("Skipped: no Node of this machine is older than 22.");

describe.runIf(older.length > 0).each(older)("Node $version", ({ file }) => {
  it.each(starting)("scripts/%s gets as far as to look which Node it is", (name) => {
    // Said to be the second start already: nothing is run, and it says what it needs.
    const env = { ...process.env, TOKENKEEP_OWN_NODE: "1" };
    const { stderr, status } = spawnSync(file, [path.join(scripts, name)], {
      env,
      encoding: "utf8",
    });
    expect(stderr).toContain("This needs Node 22.18 or newer");
    expect(status).toBe(1);
  });
});
