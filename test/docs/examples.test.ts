/** Every example of the documentation and of the doc comments compiles, as strictly as a user may ask. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { modules, pages, read, root, type Snippet, snippetsOf } from "./pages.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-docs-"));
// Examples import packages, too.
symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Only `test/clients` has the packages that these import, and compiles them there. */
const ELSEWHERE = "docs/clients.md";

const snippets = [...pages, ...modules]
  .filter((file) => file !== ELSEWHERE)
  .flatMap((file) => snippetsOf(file, read(file)));

/** What a snippet may take for granted. A snippet's own declarations hide these. */
const PRELUDE = `
declare const vault: import("tokenkeep").Vault<
  import("tokenkeep/providers/password").PasswordCredentials
>;
declare const url: string;
declare const email: string;
declare const password: string;
declare const credentials: import("tokenkeep/providers/password").PasswordCredentials;
declare function showSignIn(): void;
declare module "*.worker.ts" {
  export const vault: import("tokenkeep/worker").ServedVault;
}
declare module "cloudflare:workers" {
  export abstract class WorkflowEntrypoint {
    protected env: object;
    protected ctx: { waitUntil(promise: Promise<unknown>): void };
    run(event: unknown, step: unknown): Promise<unknown>;
  }
}
declare module "cloudflare:test" {
  export function createExecutionContext(): { waitUntil(promise: Promise<unknown>): void };
  export function waitOnExecutionContext(ctx: object): Promise<void>;
}
`;

/** As strict as a user's settings may be. */
const SETTINGS = {
  target: "ES2022",
  lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
  module: "ESNext",
  moduleResolution: "Bundler",
  moduleDetection: "force",
  typeRoots: [path.join(root, "node_modules/@types")],
  types: ["node"],
  paths: {
    tokenkeep: [path.join(root, "src/index.ts")],
    "tokenkeep/*": [path.join(root, "src/*.ts")],
  },
  noEmit: true,
  allowImportingTsExtensions: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
};

let projects = 0;

/** What the compiler complains about; it speaks of places in the documentation. */
async function compile(list: readonly Snippet[]): Promise<string> {
  const project = path.join(folder, `${projects++}`);
  mkdirSync(project);
  writeFileSync(path.join(project, "prelude.d.ts"), PRELUDE);
  const files = list.map(({ code }, index) => {
    writeFileSync(path.join(project, `snippet-${index}.ts`), code);
    return `snippet-${index}.ts`;
  });
  const deno = path.join(root, "test/deno/globals.d.ts");
  const settings = { compilerOptions: SETTINGS, files: ["prelude.d.ts", deno, ...files] };
  writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify(settings));

  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const child = spawn(process.execPath, [tsc, "--pretty", "false", "-p", project]);
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0 && output === "") output = `tsc ended with ${code}`;
  return output.replaceAll(
    /\S*snippet-(\d+)\.ts/g,
    (_, index: string) => `${list[Number(index)]?.place}, in its line `,
  );
}

describe("examples", () => {
  it("every example compiles", async () => {
    expect(snippets.length).toBeGreaterThan(20);
    expect(await compile(snippets)).toBe("");
  });

  it("a wrong example is told, with its place", async () => {
    const [right] = snippets;
    const text = "Text.\n\n```ts\nawait vault.fetch(url);\nawait vault.fecth(url);\n```\n";
    const [wrong] = snippetsOf("page.md", text);
    const complaint = await compile([right!, wrong!]);
    expect(complaint).toContain("page.md:3");
    expect(complaint).toContain("fecth");
    expect(complaint.trim().split("\n")).toHaveLength(1);
  });

  it("no block and no @example is passed over", () => {
    for (const file of [...pages, ...modules]) {
      const text = read(file);
      const found = snippetsOf(file, text).length;
      expect([file, found]).toEqual([file, [...text.matchAll(/^[\s*>]*```ts/gm)].length]);
      // Each page and module writes its examples in the one way that is compiled.
      expect(text).not.toMatch(/```(typescript|tsx|js|javascript)\b/);
      for (const [, after] of text.matchAll(/@example\n([^\n]*)/g)) expect(after).toBe(" * ```ts");
    }
  });
});
