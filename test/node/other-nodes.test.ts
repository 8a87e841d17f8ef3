/** The other Nodes of this machine that have `node:sqlite`: the store in them, and one folder with this Node. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { findNodes } from "../package/nodes.ts";
import { processCases } from "./process-cases.ts";

const script = path.join(import.meta.dirname, "contract-run.ts");

/** Both numbers as one: `node:sqlite` came with 22.13, types are stripped from 22.18 on. */
const age = (version: string): number => {
  const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
  return major * 1000 + minor;
};
const others = findNodes().filter(({ version }) => age(version) >= 22_018);

describe.each(others)("Node $version", ({ file }) => {
  it("keeps the store contract over SQLite, sealed and not [P3 F37 F89]", () => {
    const output = execFileSync(file, ["--disable-warning=ExperimentalWarning", script], {
      encoding: "utf8",
    });
    const { failed, held } = JSON.parse(output) as { failed: string[]; held: number };
    expect(failed).toEqual([]);
    expect(held).toBeGreaterThan(30);
  });

  describe("four processes of it and four of this Node", () => {
    processCases(Array.from({ length: 8 }, (_, at) => (at % 2 ? file : process.execPath)));
  });
});
