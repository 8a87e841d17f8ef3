/** Several Deno processes on one database, and the strict server that they share. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, inject } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import type { SpawnOptions } from "../apis/serve.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { freshFile, KEYS } from "./databases.ts";
import type { Answer, Command } from "./process.ts";

export interface Member {
  /** Fetches a path of the API; answers with statuses or error codes. */
  fetch(path: string, times?: number): Promise<readonly (number | string)[]>;
  generation(): Promise<unknown>;
  signIn(): Promise<unknown>;
  advance(ms: number): Promise<unknown>;
  /** Ends it at once, whatever it is about. */
  kill(): Promise<void>;
}

export interface Family {
  readonly api: SpawnedApi;
  readonly members: readonly Member[];
  /** Lets time pass for the server and for those members. */
  pass(ms: number, members?: readonly Member[]): Promise<void>;
}

/** What Deno needs to run sources: no network, no package. */
export const DENO_FLAGS: readonly string[] = [
  "--allow-all",
  "--no-config",
  "--no-npm",
  "--no-remote",
  "--cached-only",
  "--unstable-kv",
  "--unstable-cron",
];

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

function start(file: string, url: string): Member {
  const script = fileURLToPath(new URL("process.ts", import.meta.url));
  const child = spawn(process.execPath, ["run", ...DENO_FLAGS, script, file, url, KEYS], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.add(child);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const waiting = new Map<number, (results: Answer["results"]) => void>();
  let commands = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, results } = JSON.parse(line) as Answer;
    waiting.get(id)?.(results);
  });
  const ask = (command: Omit<Command, "id">): Promise<Answer["results"]> =>
    new Promise((resolve, reject) => {
      const id = (commands += 1);
      waiting.set(id, resolve);
      child.stdin.write(JSON.stringify({ ...command, id }) + "\n");
      void ended.then(() => reject(new Error("The process has ended")));
    });
  return {
    fetch: (path, times = 1) => ask({ fetch: url + path, times }),
    generation: async () => (await ask({ generation: true }))[0],
    signIn: () => ask({ signIn: ada }),
    advance: (ms) => ask({ advance: ms }),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** That many processes, the first of which has signed in; all have the session in memory. */
export async function family(size: number, options?: SpawnOptions): Promise<Family> {
  const api = await spawnApi(inject("control"), { rotation: "strict", ...options });
  const file = freshFile();
  const members = Array.from({ length: size }, () => start(file, api.url));
  await members[0]!.signIn();
  await Promise.all(members.map((member) => member.fetch("/v1/vms")));
  let passed = 0;
  return {
    api,
    members,
    async pass(ms, some = members) {
      await api.set({ clockOffset: (passed += ms) });
      await Promise.all(some.map((member) => member.advance(ms)));
    },
  };
}
