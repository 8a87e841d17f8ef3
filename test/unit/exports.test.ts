/** A subpath of the package is the path of a file in `src`, and nothing else is exported. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSources } from "./sources.ts";

/** What no user imports by its path. The root exports the public parts of the top-level files. */
const unlisted = new Set(["types", "exchange", "errors", "problem"]);

/** `worker.ts`, `cloudflare.ts`, `deno.ts`, `node.ts` and `testing.ts` are the ways in to what their folders hold. */
const isPrivate = (name: string): boolean =>
  /^(guard|key|server|grant|cookie|refresh|request|vault|cloudflare|deno|node|oauth|testing|worker)\//.test(
    name,
  ) || unlisted.has(name);

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
}

const packageJson = readJson("package.json");
const jsrJson = readJson("jsr.json");

const dependencies = packageJson["dependencies"] as Record<string, string>;
const peers = packageJson["peerDependencies"] as Record<string, string>;

const sources = readSources();
const files = sources.map(({ name }) => name).filter((name) => !isPrivate(name));

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

test("the version is the one that stands first in the changelog", () => {
  const changelog = readFileSync(new URL("../../CHANGELOG.md", import.meta.url), "utf8");
  const [, latest] = /^## (\S+)/m.exec(changelog) ?? [];
  expect(packageJson["version"]).toBe(latest);
  const { version, packages } = readJson("package-lock.json") as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  expect([version, packages[""]?.version]).toEqual([latest, latest]);
});

test("npm and JSR publish the same version with the same dependencies", () => {
  expect(jsrJson["version"]).toBe(packageJson["version"]);
  const expected = Object.entries({ ...dependencies, ...peers }).map(([name, range]) => [
    name,
    `npm:${name}@${range}`,
  ]);
  expect(jsrJson["imports"]).toEqual(Object.fromEntries(expected));
});

test("a peer is optional, is imported by some file, tested in one version, and no dependency as well", () => {
  const tested = packageJson["devDependencies"] as Record<string, string>;
  expect(Object.keys(peers)).not.toEqual([]);
  for (const name of Object.keys(peers)) {
    expect(sources.some(({ imports }) => imports.includes(name))).toBe(true);
    expect(tested[name]).toMatch(/^\d+\.\d+\.\d+$/);
    expect(dependencies).not.toHaveProperty([name]);
  }
  const optional = Object.keys(peers).map((name) => [name, { optional: true }]);
  expect(packageJson["peerDependenciesMeta"]).toEqual(Object.fromEntries(optional));
});
