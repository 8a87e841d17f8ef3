/** What the README shows of Cloudflare is what the tests run. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (file: string): string =>
  readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");

it("the README's Worker is the one that test/workers runs", () => {
  expect(read("README.md")).toContain("```ts\n" + read("test/workers/readme.ts") + "```");
});

const recipes = readdirSync(new URL("../../workers/docs", import.meta.url));

it.each(recipes.map((file) => file.replace(".ts", "")))(
  "docs/cloudflare.md's %s is the one that test/workers runs",
  (name) => {
    const code = read(`test/workers/docs/${name}.ts`);
    expect(read("docs/cloudflare.md")).toContain("```ts\n" + code + "```");
  },
);

it("the README's wrangler.jsonc lines are those of the demo, whose Worker a test runs", () => {
  const [, block = ""] = /```jsonc\n(.*?)```/s.exec(read("README.md")) ?? [];
  const lines = block.trim().split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(read("demo/wrangler.jsonc")).toContain(line);
});
