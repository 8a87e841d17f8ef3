/** The programs of docs/cloudflare.md are the files of test/workers/docs, which tests run in workerd. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

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
