/** Makes the file that would be published, and installs it, without a registry. */
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  /** The oldest versions that are supported. */
  readonly engines: Readonly<Record<"node" | "typescript", string>>;
}

export const manifest = JSON.parse(
  readFileSync(path.join(root, "package.json"), "utf8"),
) as Manifest;

export interface Ran {
  readonly code: number | null;
  /** What it wrote, to either stream. */
  readonly output: string;
}

export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...options.env };
    const shell = process.platform === "win32";
    const child = spawn(command, args, { cwd: options.cwd, env, shell });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

async function must(...call: Parameters<typeof run>): Promise<void> {
  const { code, output } = await run(...call);
  if (code !== 0) throw new Error(`${call[0]} ${call[1].join(" ")} ended with ${code}\n${output}`);
}

/** The script of a development dependency, under this Node. */
export const tool = (
  script: string,
  args: readonly string[],
  cwd: string,
): ReturnType<typeof run> =>
  run(process.execPath, [path.join(root, "node_modules", script), ...args], { cwd });

/** A script's output, when it has ended by itself, in good order and without a word of complaint. */
export function runQuietly(file: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd, timeout: 60_000 }, (error, output, complaint) => {
      if (error || complaint) reject(error ?? new Error(complaint));
      else resolve(output);
    });
  });
}

export const newFolder = (): string => mkdtempSync(path.join(os.tmpdir(), "tokenkeep-"));

/** Packs the folder of a package and gives the file's path. No script of it runs. */
async function pack(from: string, to: string): Promise<string> {
  mkdirSync(to, { recursive: true });
  await must("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", to], {
    cwd: from,
  });
  return path.join(to, readdirSync(to)[0]!);
}

/** What stands at the top of the package: `files` names patterns within folders, too. */
export const publishedFolders: readonly string[] = [
  ...new Set(manifest.files.map((name) => name.split("/")[0] ?? "")),
];

/** Builds beside the repository, not in it: other tests may run there. */
export async function packTokenkeep(folder: string): Promise<string> {
  const own = path.join(folder, "package");
  const always = ["package.json", "README.md", "LICENSE"];
  for (const file of [...always, ...publishedFolders.filter((name) => name !== "dist")])
    cpSync(path.join(root, file), path.join(own, file), { recursive: true });
  const settings = path.join(root, "tsconfig.build.json");
  const built = await tool(
    "typescript/bin/tsc",
    ["-p", settings, "--outDir", path.join(own, "dist")],
    root,
  );
  if (built.code !== 0) throw new Error(built.output);
  return pack(own, path.join(folder, "packed"));
}

/**
 * `npm install` of the packed file and of others that are installed here, into an application that
 * has nothing: offline, and with a cache in which nothing is.
 */
export async function install(
  folder: string,
  tarball: string,
  others: readonly string[],
): Promise<void> {
  const dependencies: Record<string, string> = { [manifest.name]: `file:${tarball}` };
  for (const name of others) {
    const packed = await pack(
      path.join(root, "node_modules", name),
      path.join(folder, "..", `packed-${name}`),
    );
    dependencies[name] = `file:${packed}`;
  }
  mkdirSync(folder, { recursive: true });
  const own = { name: "application", private: true, type: "module", dependencies };
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(own));
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"];
  await must("npm", ["install", "--offline", ...quiet], {
    cwd: folder,
    env: { npm_config_cache: path.join(folder, "..", "no-cache") },
  });
}

export const installed = (folder: string): string[] =>
  readdirSync(path.join(folder, "node_modules"))
    .filter((name) => !name.startsWith("."))
    .sort();
