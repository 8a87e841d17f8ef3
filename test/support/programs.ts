/** Programs as a user starts them: by the runtime itself, in a process of their own, offline. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export type Runtime = "node" | "bun" | "deno";

/** The one that runs this. */
export const runtime: Runtime =
  "Deno" in globalThis ? "deno" : process.versions["bun"] ? "bun" : "node";

/** What each needs to run TypeScript from here, with `preload-test-apis.ts` first and nothing fetched. */
const preload = path.join(root, "test/support/preload-test-apis.ts");
const commands: Readonly<Record<Runtime, readonly string[]>> = {
  node: ["--import", preload],
  bun: ["--no-install", "--preload", preload],
  deno: [
    ...["run", "--cached-only", "--no-remote", "--node-modules-dir=manual"],
    ...["--no-prompt", "--preload", preload],
  ],
};
const DENO_FLAGS = ["--allow-all", "--unstable-kv", "--unstable-cron"];

export interface Program {
  readonly output: () => string;
  readonly stop: () => void;
  /** What it printed, when it has ended by itself; rejects with everything if it failed. */
  readonly ended: Promise<string>;
}

/** Starts a file; `env` is added to this process's own. Deno's `args` are flags, the others' the program's. */
export function start(
  file: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = runtime === "deno" ? DENO_FLAGS : [],
): Program {
  const rest = runtime === "deno" ? [...args, file] : [file, ...args];
  const child = spawn(process.execPath, [...commands[runtime], ...rest], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, complaint] = ["", ""];
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (complaint += chunk));
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${code}: ${output}${complaint}`)),
    );
  });
  ended.catch(() => {});
  return { output: () => output + complaint, stop: () => child.kill("SIGKILL"), ended };
}

/** A folder for programs; `remove` it. */
export function workshop(): { folder: string; save(code: string): string; remove(): void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-programs-"));
  let count = 0;
  return {
    folder,
    /** The package's names become paths of its sources; nothing else is changed. */
    save(code) {
      const file = path.join(folder, `program-${count++}.ts`);
      const source = (_: string, name = "index"): string =>
        JSON.stringify(path.join(root, "src", `${name}.ts`));
      writeFileSync(file, code.replaceAll(/(?<=from )"tokenkeep(?:\/([\w/-]+))?"/g, source));
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const read = (page: string): string => readFileSync(path.join(root, page), "utf8");

/** The flags that docs/deno.md gives Deno for its program. */
export function denoFlags(): string[] {
  const [, flags = ""] = /^deno run (.*) main\.ts$/m.exec(read("docs/deno.md")) ?? [];
  return flags.split(" ");
}

/** The programs of a page below one of its headings, in turn; above the first one without a heading. */
export function programsOf(page: string, heading?: string): string[] {
  const text = read(page);
  const rest = heading === undefined ? text : (text.split(`\n## ${heading}\n`)[1] ?? "");
  const [section = ""] = rest.split("\n## ");
  const programs = [...section.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  if (programs.length === 0) throw new Error(`No program in ${page}, below "${heading ?? ""}"`);
  return programs;
}

export const programOf = (page: string, heading?: string): string => programsOf(page, heading)[0]!;
