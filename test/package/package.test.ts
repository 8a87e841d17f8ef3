/** The very file that would be published: what is in it, what others make of it. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  install,
  installed,
  manifest,
  newFolder,
  packTokenkeep,
  publishedFolders,
  root,
  run,
  tool,
} from "./pack.ts";

const folder = newFolder();
const plain = path.join(folder, "plain");
const own = path.join(plain, "node_modules", manifest.name);
let tarball: string;

beforeAll(async () => {
  tarball = await packTokenkeep(folder);
  await install(plain, tarball, Object.keys(manifest.dependencies));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const subpaths = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === "string" ? [] : [[name, target] as const],
);

const withoutComments = (code: string): string => code.replace(/\/\*[^]*?\*\//g, "");

describe("the package", () => {
  it("publint has nothing to say", async () => {
    const { code, output } = await tool("publint/src/cli.js", [tarball, "--strict"], folder);
    expect(output).toContain("All good!");
    expect(code).toBe(0);
  });

  it("attw finds types for every subpath, in every resolution of ESM", async () => {
    const args = [tarball, "--profile", "esm-only", "--format", "json"];
    const { code, output } = await tool("@arethetypeswrong/cli/dist/index.js", args, folder);
    const { analysis } = JSON.parse(output) as {
      analysis: { types: unknown; entrypoints: Record<string, { hasTypes: boolean }> };
    };
    expect(analysis.types).toMatchObject({ kind: "included" });
    for (const [name] of subpaths)
      expect([name, analysis.entrypoints[name]?.hasTypes]).toEqual([name, true]);
    expect(code).toBe(0);
  });

  it("holds what it exports, its documentation, and no sources or tests", () => {
    for (const [, { types, default: script }] of subpaths)
      for (const file of [types, script]) expect(existsSync(path.join(own, file)), file).toBe(true);
    expect(readdirSync(own).sort()).toEqual(
      ["LICENSE", "README.md", "package.json", ...publishedFolders].sort(),
    );
    const all = readdirSync(path.join(own, "dist"), { recursive: true, encoding: "utf8" });
    const files = all.filter((name) => /\.\w+$/.test(name));
    expect(files.filter((name) => !/\.(js|d\.ts)$/.test(name))).toEqual([]);
    // Imports are rewritten. TypeScript takes `./x.ts` in a declaration for `./x.d.ts`.
    const scripts = files.filter((name) => name.endsWith(".js"));
    const wrong = scripts.filter((name) =>
      /\b(from|import)[\s(]*["']\.[^"'\s]*\.ts["']/.test(withoutComments(read(name))),
    );
    expect([scripts.length > 20, wrong]).toEqual([true, []]);
  });

  it("JSR takes the sources: they compile in Deno, and no public type is left to be inferred", async () => {
    const args = ["publish", "--dry-run", "--allow-dirty", "--config", "jsr.json"];
    const deno = path.join(root, "node_modules/.bin/deno");
    const { code, output } = await run(deno, args, { cwd: root, env: { NO_COLOR: "1" } });
    expect(output).toContain("Dry run complete");
    for (const [, { types }] of subpaths)
      expect(output).toContain(`${types.replace("./dist", "/src").replace(".d.ts", ".ts")} (`);
    expect(code).toBe(0);
  });

  it("needs no peer but where it says so", () => {
    const needing = subpaths
      .filter(([, { default: script }]) => missingPeer(script, ""))
      .map(([name]) => name);
    expect(needing).toEqual([
      "./jwt",
      ...["./providers/auth0", "./providers/clary-jwt", "./providers/cognito"],
      ...["./providers/entra", "./providers/github", "./providers/google"],
      ...["./providers/jwt-bearer", "./providers/keycloak", "./providers/oauth2"],
      ...["./providers/okta", "./providers/self-signed"],
    ]);
  });

  it("brings nothing but its dependencies: no optional peer", () => {
    expect(installed(plain)).toEqual([...Object.keys(manifest.dependencies), manifest.name].sort());
  });

  it.each(subpaths)("%s is imported in Node, and prints nothing", async (name, target) => {
    const specifier = `${manifest.name}${name.slice(1)}`;
    const code = `console.log(Object.keys(await import("${specifier}")).length)`;
    const args = ["--input-type=module", "--eval", code];
    const { output } = await run(process.execPath, args, { cwd: plain });
    // What needs a peer that is not there says which.
    const peer = missingPeer(target.default, "");
    if (peer !== undefined) expect(output).toContain(`Cannot find package '${peer}'`);
    // Only there a class can be a Durable Object's.
    else if (name === "./cloudflare") expect(output).toContain("Received protocol 'cloudflare:'");
    else expect(output).toMatch(/^[1-9]\d*\n$/);
  });
});

const read = (name: string): string => readFileSync(path.join(own, "dist", name), "utf8");

/** The peer that a script needs when it runs, by itself or by what it imports. */
function missingPeer(file: string, folder: string): string | undefined {
  const script = readFileSync(path.join(own, folder, file), "utf8");
  for (const [, specifier = ""] of script.matchAll(/^(?:import|export)\b[^"]*"([^"]+)";$/gm)) {
    const peer = specifier.startsWith(".")
      ? missingPeer(specifier, path.join(folder, path.dirname(file)))
      : Object.keys(manifest.peerDependencies).find((name) => name === specifier);
    if (peer !== undefined) return peer;
  }
  return undefined;
}
