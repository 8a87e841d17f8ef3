/** Examples stay small, and say what they need. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { examples } from "./served-example.ts";
import { root } from "../support/programs.ts";

/** Older ones, which `npm test` drives: they may be longer. */
const others = new Set(["cli", "server"]);
const names = readdirSync(examples, { withFileTypes: true })
  .filter(
    (entry) => entry.isDirectory() && entry.name !== "node_modules" && !others.has(entry.name),
  )
  .map(({ name }) => name);

const read = (file: string): string => readFileSync(file, "utf8");

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}
const manifestIn = (folder: string): Manifest =>
  JSON.parse(read(path.join(folder, "package.json"))) as Manifest;

/** The exact versions that the examples are tried with. */
const { dependencies: ours = {} } = manifestIn(examples);
const { dependencies = {}, devDependencies = {} } = manifestIn(root);
const tried: Record<string, string> = { ...dependencies, ...devDependencies, ...ours };

const isMade = /(^|\/)(node_modules|dist|build|\.svelte-kit|\.next|\.wrangler)(\/|$)/;

describe.each(names)("%s", (name) => {
  const folder = path.join(examples, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !isMade.test(path.relative(folder, file)));

  it("has under 120 lines of code, or of markup, in each file, and a README of ten", () => {
    const lines = (file: string): number => read(file).trimEnd().split("\n").length;
    expect(files.filter((file) => lines(file) >= 120)).toEqual([]);
    expect(lines(path.join(folder, "README.md"))).toBeLessThanOrEqual(10);
  });

  it("names each package that it needs, in a range that holds the version it is tried with", () => {
    const manifest = manifestIn(folder);
    const needed = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(needed["tokenkeep"]).toBeDefined();
    for (const [needs, range] of Object.entries(needed).filter(([one]) => one !== "tokenkeep"))
      expect([needs, range.replace("^", "")]).toEqual([needs, tried[needs]?.replace("^", "")]);
  });
});
