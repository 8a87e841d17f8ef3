/** The programs of docs/cloudflare.md are the files of test/workers/docs, which tests run in workerd. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { readKeys } from "../../src/cloudflare/keys.ts";

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

const recipes = readdirSync(new URL("../workers/docs", import.meta.url));

it.each(recipes.map((file) => file.replace(".ts", "")))(
  "docs/cloudflare.md's %s is the one that test/workers runs",
  (name) => {
    const code = read(`test/workers/docs/${name}.ts`);
    expect(read("docs/cloudflare.md")).toContain("```ts\n" + code + "```");
  },
);

it("the lines of its wrangler.jsonc are those of the demo, whose Worker a test runs", () => {
  const [, block = ""] = /```jsonc\n(.*?)```/s.exec(read("docs/cloudflare.md")) ?? [];
  const lines = block.split("\n").filter((line) => /durable_objects|migrations/.test(line));
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(read("demo/wrangler.jsonc")).toContain(line);
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0 && os.platform() !== "win32";

it.runIf(hasOpenssl)("the commands that make keys make such as seal", async () => {
  const [, block = ""] =
    /```sh\n(echo "TOKENKEEP_KEYS.*?)```/s.exec(read("docs/cloudflare.md")) ?? [];
  const [first = "", second = ""] = block.trim().split("\n");
  const cwd = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-keys-"));
  spawnSync("sh", ["-c", first], { cwd });
  const [, local = ""] =
    /^TOKENKEEP_KEYS="(.*)"\n$/.exec(readFileSync(path.join(cwd, ".dev.vars"), "utf8")) ?? [];
  rmSync(cwd, { recursive: true });
  // What is piped into Wrangler.
  const { stdout } = spawnSync("sh", ["-c", second.split(" | ")[0] ?? ""], { encoding: "utf8" });
  for (const keys of [local, stdout]) expect(await readKeys(keys, {}).newest()).toBe("k1");
  expect(local).not.toBe(stdout.trim());
});
