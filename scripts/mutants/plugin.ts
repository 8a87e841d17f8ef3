/**
 * A Vite plugin: who imports a module that mutants break gets its exports as the mutant of this run has
 * them. The module itself is loaded as it is, under another name; nothing is copied, and no text matched.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Plugin } from "vite";
import type { Mutant } from "./mutant.ts";

const AS_IT_IS = "?original";

const root = path.join(import.meta.dirname, "../..");

/** Which exports of which files, by absolute path, are asked for the mutant. */
function exportsOf(mutants: readonly Mutant[]): Map<string, Set<string>> {
  const all = new Map<string, Set<string>>();
  for (const mutant of mutants)
    for (const wrap of [mutant, ...(mutant.also ?? [])]) {
      const file = path.join(root, wrap.module);
      all.set(file, (all.get(file) ?? new Set()).add(wrap.export));
    }
  return all;
}

function moduleOf(file: string, names: ReadonlySet<string>): string {
  const from = JSON.stringify(file + AS_IT_IS);
  const module = path.relative(root, file).replaceAll(path.sep, "/");
  const mutated = JSON.stringify(path.join(import.meta.dirname, "wrap.ts"));
  return [
    `import { mutated } from ${mutated};`,
    `import * as original from ${from};`,
    // What is exported here by name takes the place of what comes by the star.
    `export * from ${from};`,
    ...[...names].map(
      (name) =>
        `export const ${name} = mutated(${JSON.stringify(module)}, "${name}", original.${name});`,
    ),
  ].join("\n");
}

export function mutantsPlugin(mutants: readonly Mutant[]): Plugin {
  const files = exportsOf(mutants);
  return {
    name: "tokenkeep-mutants",
    enforce: "pre",
    async load(id) {
      if (id.endsWith(AS_IT_IS)) return readFile(id.slice(0, -AS_IT_IS.length), "utf8");
      const names = files.get(id);
      return names && moduleOf(id, names);
    },
  };
}
