/** A subpath of the package is the path of a file in `src`, and nothing else is exported. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSources } from "./sources.ts";

/** What no user imports by its path. The root exports the public parts of the top-level files. */
const unlisted = new Set(["types", "errors", "vault", "fetch", "policy", "problem", "redirect"]);

/** `worker.ts` is the way in to the parts of `worker/`. */
const isPrivate = (name: string): boolean => /^(engine|worker)\//.test(name) || unlisted.has(name);

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
}

const packageJson = readJson("package.json");
const jsrJson = readJson("jsr.json");

const files = readSources()
  .map(({ name }) => name)
  .filter((name) => !isPrivate(name));

const subpath = (name: string): string => (name === "index" ? "." : `./${name}`);

test("npm: exports and the public files of src agree", () => {
  const { "./package.json": own, ...exports } = packageJson["exports"] as Record<string, unknown>;
  expect(own).toBe("./package.json");
  const expected = files.map((name) => [
    subpath(name),
    { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
  ]);
  expect(exports).toEqual(Object.fromEntries(expected));
});

test("JSR: exports and the public files of src agree", () => {
  const expected = files.map((name) => [subpath(name), `./src/${name}.ts`]);
  expect(jsrJson["exports"]).toEqual(Object.fromEntries(expected));
});

test("npm and JSR publish the same version with the same dependencies", () => {
  expect(jsrJson["version"]).toBe(packageJson["version"]);
  const dependencies = Object.entries(packageJson["dependencies"] as Record<string, string>);
  const expected = dependencies.map(([name, range]) => [name, `npm:${name}@${range}`]);
  expect(jsrJson["imports"]).toEqual(Object.fromEntries(expected));
});
