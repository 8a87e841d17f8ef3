/** The pages of the documentation, the modules of `src`, and the examples in both. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readSources } from "../unit/sources.ts";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

export const pages: readonly string[] = [
  ...["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...readdirSync(path.join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

export const modules: readonly string[] = readSources().map(({ name }) => `src/${name}.ts`);

export interface Snippet {
  /** Where it stands: file and line. */
  readonly place: string;
  readonly code: string;
}

/** The ```ts blocks of a text; those of doc comments lose their stars. */
export function snippetsOf(file: string, text: string): Snippet[] {
  const blocks = text.matchAll(/^( \* |)```ts\n(.*?)^\1```$/gms);
  return [...blocks].map(({ 1: margin = "", 2: block = "", index }) => ({
    place: `${file}:${text.slice(0, index).split("\n").length}`,
    code: block.replaceAll(new RegExp(`^${margin.trimEnd().replace("*", "\\*")} ?`, "gm"), ""),
  }));
}
