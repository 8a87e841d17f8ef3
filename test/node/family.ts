/** Several processes on one folder, and the strict server that they share. */
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, inject } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import type { SpawnOptions } from "../apis/serve.ts";
import { ada } from "../apis/vmcloud-data.ts";
import type { Answer, Command, Phase } from "./process.ts";

export type Results = Answer["results"];

export interface Member {
  readonly pid: number | undefined;
  /** Fetches a path of the API; answers with statuses or error codes. */
  fetch(path: string, times?: number): Promise<Results>;
  generation(): Promise<Results>;
  signIn(): Promise<unknown>;
  signOut(): Promise<unknown>;
  advance(ms: number): Promise<unknown>;
  /** Stands still at this moment of the next refresh; resolves when it does. */
  freezeAt(phase: Phase): Promise<{ readonly frozen: Promise<unknown> }>;
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it at once, whatever it is about. */
  kill(): Promise<void>;
}

export interface Family {
  readonly api: SpawnedApi;
  readonly members: readonly Member[];
  readonly folder: string;
  /** Lets time pass for the server and for those members. */
  pass(ms: number, members?: readonly Member[]): Promise<void>;
}

const script = fileURLToPath(new URL("process.ts", import.meta.url));

/** How a runtime runs sources. */
export const commandOf = (file: string): string[] =>
  /bun(\.exe)?$/.test(file)
    ? [file, "--no-install"]
    : [file, "--disable-warning=ExperimentalWarning"];

const children = new Set<ChildProcess>();
const folders = new Set<string>();
afterEach(async () => {
  await Promise.all(
    [...children].map((child) => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const isOver = child.exitCode !== null || child.signalCode !== null;
      child.kill("SIGKILL");
      return isOver ? undefined : ended;
    }),
  );
  children.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
});

/** A folder that is gone after the test. */
export function freshFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-node-"));
  folders.add(folder);
  return path.join(folder, "sessions");
}

/** Whose processes they are; by default this user's. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

interface Place {
  readonly folder: string;
  readonly url: string;
  readonly user: User | undefined;
}

function start(runtime: string, { folder, url, user }: Place): Member {
  const [file = "", ...args] = commandOf(runtime);
  const child = spawn(file, [...args, script, folder, url], {
    stdio: ["pipe", "pipe", "inherit"],
    ...user,
  });
  children.add(child);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const waiting = new Map<number, (results: Results) => void>();
  let onFrozen = (): void => {};
  let commands = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, results, frozen } = JSON.parse(line) as Answer;
    if (frozen) onFrozen();
    waiting.get(id)?.(results);
  });
  const ask = (command: Omit<Command, "id">): Promise<Results> =>
    new Promise((resolve, reject) => {
      const id = (commands += 1);
      waiting.set(id, resolve);
      child.stdin.write(JSON.stringify({ ...command, id }) + "\n");
      void ended.then(() => reject(new Error("The process has ended")));
    });
  return {
    pid: child.pid,
    fetch: (path, times = 1) => ask({ fetch: url + path, times }),
    generation: () => ask({ generation: true }),
    signIn: () => ask({ signIn: ada }),
    signOut: () => ask({ signOut: true }),
    advance: (ms) => ask({ advance: ms }),
    async freezeAt(phase) {
      const frozen = new Promise<void>((resolve) => (onFrozen = resolve));
      await ask({ freezeAt: phase });
      return { frozen };
    },
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/**
 * One process for each of these runtimes, the first of which has signed in; all have the session in
 * memory.
 */
export async function family(
  runtimes: readonly string[],
  options?: SpawnOptions & { readonly folder?: string; readonly user?: User },
): Promise<Family> {
  const { folder = freshFolder(), user, ...switches } = options ?? {};
  if (user)
    for (const one of [path.dirname(folder), folder])
      if (existsSync(one)) chownSync(one, user.uid, user.gid);
  const api = await spawnApi(inject("control"), { rotation: "strict", ...switches });
  const members = runtimes.map((runtime) => start(runtime, { folder, url: api.url, user }));
  await members[0]!.signIn();
  await Promise.all(members.map((member) => member.fetch("/v1/vms")));
  let passed = 0;
  return {
    api,
    members,
    folder,
    async pass(ms, some = members) {
      await api.set({ clockOffset: (passed += ms) });
      await Promise.all(some.map((member) => member.advance(ms)));
    },
  };
}

export const all = async (members: readonly Member[], times = 3): Promise<Results> =>
  (await Promise.all(members.map((member) => member.fetch("/v1/vms", times)))).flat();

export const every = (count: number, result: number | string): Results =>
  Array.from({ length: count }, () => result);

export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;
