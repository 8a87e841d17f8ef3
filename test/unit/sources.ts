/** The files of `src` and what each of them imports, for the tests that check the house's plan. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "vite";

const src = fileURLToPath(new URL("../../src", import.meta.url));

export interface Source {
  /** Path under `src` without the extension, with forward slashes: `stores/memory`. */
  name: string;
  text: string;
  lines: number;
  /** Names like the above for files of `src`, otherwise the specifier as it stands. */
  imports: string[];
}

export function readSources(): Source[] {
  return readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll(path.sep, "/"))
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .map((file) => {
      const text = readFileSync(path.join(src, file), "utf8");
      return {
        name: file.slice(0, -".ts".length),
        text,
        lines: text.trimEnd().split("\n").length,
        imports: importsOf(file, text),
      };
    });
}

/** Everything that a file imports or exports from elsewhere, in every way there is, types too. */
export function importsOf(file: string, text: string): string[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]?.message}`);
  const found = new Set<string>();
  const add = (source: { type: string; value?: unknown } | null): void => {
    if (!source) return;
    if (typeof source.value !== "string")
      throw new TypeError(`${file}: an import that is computed`);
    found.add(resolve(file, source.value));
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
  }).visit(program);
  return [...found];
}

function resolve(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return path.posix.join(path.posix.dirname(file), specifier).replace(/\.ts$/, "");
}
