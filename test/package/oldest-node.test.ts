/**
 * The packed file under the oldest Node that is promised, where this machine has one in its `PATH`, and
 * under the one that runs the tests.
 */
import { cpSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findNodes } from "./nodes.ts";
import { install, manifest, newFolder, packTokenkeep, run } from "./pack.ts";

const oldest = manifest.engines.node.replace(">=", "");
const folder = newFolder();
const app = path.join(folder, "app");

const old = findNodes().find(({ version }) => version.startsWith(`v${oldest}.`))?.file;

beforeAll(async () => {
  const packages = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.peerDependencies),
  ];
  await install(app, await packTokenkeep(folder), packages);
  cpSync(path.join(import.meta.dirname, "program/thousand.js"), path.join(app, "thousand.js"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A thousand callers who wait for one token, with one signal. */
async function thousand(node: string): Promise<unknown> {
  const { output } = await run(node, ["thousand.js"], { cwd: app });
  return output.startsWith("{") ? JSON.parse(output) : output;
}

// One grant for each sign-in and for each refresh, and one that the API ended.
const expected = {
  statuses: [200],
  tokens: ["token-2"],
  healed: [200],
  grants: 5,
  warnings: [],
};

describe("a thousand callers with one signal", () => {
  it.runIf(old)(`wait without a warning in the oldest Node that is promised [F75]`, async () =>
    expect(await thousand(old!)).toEqual(expected),
  );

  it("wait without a warning in this Node [F75]", async () => {
    expect(await thousand(process.execPath)).toEqual(expected);
  });
});

describe("the oldest Node", () => {
  it.runIf(old)("imports every subpath that is not another runtime's alone [F75]", async () => {
    const names = Object.keys(manifest.exports)
      .filter((name) => !["./package.json", "./cloudflare"].includes(name))
      .map((name) => `"${manifest.name}${name.slice(1)}"`);
    const code = `for (const name of [${names.join(", ")}]) await import(name); console.log("all");`;
    const { output } = await run(old!, ["--input-type=module", "--eval", code], { cwd: app });
    expect(output).toBe("all\n");
  });
});
