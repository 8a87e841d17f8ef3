/** A subpath of the package is the path of a file in `src`, and nothing else is exported. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSources } from "./sources.ts";

/** What no user imports by its path. The root exports the public parts of the top-level files. */
const unlisted = new Set(["types", "errors", "vault", "fetch", "policy", "problem", "redirect"]);

const isPrivate = (name: string): boolean => name.startsWith("engine/") || unlisted.has(name);

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
}

const packageJson = readJson("package.json");
const dependenciesOf = (kind: string): Record<string, string> =>
  packageJson[kind] as Record<string, string>;
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
  const dependencies = { ...dependenciesOf("dependencies"), ...dependenciesOf("peerDependencies") };
  const expected = Object.entries(dependencies).map(([name, range]) => [
    name,
    `npm:${name}@${range}`,
  ]);
  expect(jsrJson["imports"]).toEqual(Object.fromEntries(expected));
});

test("what one subpath alone needs is an optional peer, and is tested in one version", () => {
  const peers = Object.keys(dependenciesOf("peerDependencies"));
  expect(peers).not.toEqual([]);
  const optional = peers.map((name) => [name, { optional: true }]);
  expect(packageJson["peerDependenciesMeta"]).toEqual(Object.fromEntries(optional));
  for (const name of peers) {
    expect(dependenciesOf("devDependencies")[name]).toMatch(/^\d+\.\d+\.\d+$/);
    expect(dependenciesOf("dependencies")).not.toHaveProperty(name);
    expect(readSources().filter(({ imports }) => imports.includes(name))).toHaveLength(1);
  }
});
