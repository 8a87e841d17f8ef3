/** An application's source, as its compiler sees it beside the packed declarations. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root, tool } from "./pack.ts";

export interface Application {
  /** A folder in which the packed file is installed. */
  readonly folder: string;
  /** A folder below that one, for this program alone. */
  readonly name: string;
  readonly main: string;
  /** What is set otherwise than here. */
  readonly options: object;
  /** TypeScript's folder in `node_modules`; the one that builds the package by default. */
  readonly compiler?: string;
}

const settings = {
  target: "ES2022",
  // `Vault` has `Symbol.asyncDispose`; an application that does not check libraries need not know.
  lib: ["ES2022", "ESNext.Disposable", "DOM", "DOM.Iterable"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  types: [],
};

/** The same without a page: all types are those that a runtime's own package brings. */
export const runtimeTypes = (name: string): object => ({
  module: "ESNext",
  moduleResolution: "Bundler",
  lib: ["ES2022", "ESNext.Disposable"],
  types: [name],
  typeRoots: [path.join(root, "node_modules/@types"), path.join(root, "node_modules")],
});

/** What the compiler says of an application, and of the declarations that it reads. */
export async function compile({
  folder,
  name,
  main,
  options,
  compiler = "typescript",
}: Application): Promise<string> {
  const own = path.join(folder, name);
  mkdirSync(own);
  writeFileSync(path.join(own, "main.ts"), main);
  const compilerOptions = { ...settings, ...options };
  writeFileSync(
    path.join(own, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["main.ts"] }),
  );
  return (await tool(`${compiler}/bin/tsc`, ["--pretty", "false", "-p", own], folder)).output;
}
