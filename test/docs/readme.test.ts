/** The README is short, solves the problem first, leads everywhere, and promises what the package does. */
import { describe, expect, it } from "vitest";
import { pages, read, snippetsOf } from "./pages.ts";

/** The version that a range of `engines` begins with. */
const oldest = (range: string): string => range.replace(/^>=/, "").split(" ")[0]!;

describe("the README", () => {
  const readme = read("README.md");

  it("has 200 lines at most, and on its first screen the two commands, a line each", () => {
    expect(readme.trimEnd().split("\n").length).toBeLessThanOrEqual(200);
    const commands = readme.indexOf("```sh\nnpm ci\nnpm run demo\n```");
    expect(commands).toBeGreaterThan(0);
    expect(readme.slice(0, commands).split("\n").length).toBeLessThan(20);
  });

  it("solves it for an API of the reader's own in six lines besides the imports", () => {
    const [{ code } = expect.fail()] = snippetsOf("README.md", readme);
    const lines = code.trimEnd().split("\n");
    expect(lines.filter((line) => line && !line.startsWith("import"))).toHaveLength(6);
  });

  it("leads to every page of docs, and to each platform's by one link", () => {
    const linked = new Set([...readme.matchAll(/\]\((docs\/[\w-]+\.md)/g)].map(([, page]) => page));
    expect(pages.filter((page) => page.startsWith("docs/") && !linked.has(page))).toEqual([]);
    const rows = readme.split("## Where it runs")[1]!.split("\n## ")[0]!.split("\n");
    const platforms = rows.filter((row) => row.startsWith("| ") && !row.includes("you are in"));
    expect(platforms.map((row) => row.match(/\]\(/g)?.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("promises the oldest Node and TypeScript that package.json does [F75]", () => {
    const { engines } = JSON.parse(read("package.json")) as {
      engines: { node: string; typescript: string };
    };
    expect(readme).toContain(`Node ${oldest(engines.node)} or newer`);
    expect(readme).toContain(`TypeScript ${oldest(engines.typescript)} or newer`);
  });
});
