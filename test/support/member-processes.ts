/** Several processes that obey (`obeying-process.ts`), and the strict token server that they share. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { SpawnedApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import type { Answer, Order, Results } from "./obeying-process.ts";

/** A process that obeys. `More`: what it can be told besides. */
export interface Spawned<More> {
  readonly pid: number | undefined;
  ask(order: Order & Partial<More>): Promise<Results>;
  isAlive(): boolean;
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it at once, whatever it is about. */
  kill(): Promise<void>;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Whose process it is; by default this user's. */
  readonly uid?: number;
  readonly gid?: number;
  /** Hears each answer, also one that nobody asked for. */
  readonly heard?: (answer: unknown) => void;
}

const children = new Set<ChildProcess>();

/** Ends all that this file's tests have started; resolves when they are gone. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...children].map((child) => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const isOver = child.exitCode !== null || child.signalCode !== null;
      child.kill("SIGKILL");
      return isOver ? undefined : ended;
    }),
  );
  children.clear();
}

export function spawnMember<More>(
  [file = "", ...args]: readonly string[],
  { env, heard, ...user }: SpawnOptions = {},
): Spawned<More> {
  const child = spawn(file, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
    ...user,
  });
  children.add(child);
  let isAlive = true;
  const ended = new Promise<void>((resolve) =>
    child.once("exit", () => {
      isAlive = false;
      resolve();
    }),
  );
  const waiting = new Map<number, (results: Results) => void>();
  let orders = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    heard?.(answer);
    waiting.get(answer.id)?.(answer.results);
    waiting.delete(answer.id);
  });
  return {
    pid: child.pid,
    ask: (order) =>
      new Promise((resolve, reject) => {
        const id = (orders += 1);
        waiting.set(id, resolve);
        child.stdin.write(`${JSON.stringify({ ...order, id })}\n`);
        void ended.then(() => reject(new Error("The process has ended")));
      }),
    isAlive: () => isAlive,
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** What all families tell their members. */
export interface Verbs {
  generation(): Promise<Results>;
  signIn(): Promise<unknown>;
  signOut(): Promise<unknown>;
  advance(ms: number): Promise<unknown>;
}

export const verbsOf = ({ ask }: Pick<Spawned<object>, "ask">): Verbs => ({
  generation: () => ask({ generation: true }),
  signIn: () => ask({ signIn: ada }),
  signOut: () => ask({ signOut: true }),
  advance: (ms) => ask({ advance: ms }),
});

/** Lets time pass for the server, and for those members. */
export function passing<Member extends Pick<Verbs, "advance">>(
  api: SpawnedApi,
  members: readonly Member[],
): (ms: number, some?: readonly Member[]) => Promise<void> {
  let passed = 0;
  return async (ms, some = members) => {
    await api.set({ clockOffset: (passed += ms) });
    await Promise.all(some.map((member) => member.advance(ms)));
  };
}

export const every = (count: number, result: number | string): Results =>
  Array.from({ length: count }, () => result);

export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;

/** What Deno needs to run sources: no network, no package. */
const DENO_FLAGS = [
  ...["--allow-all", "--no-config", "--no-npm", "--no-remote", "--cached-only"],
  ...["--unstable-kv", "--unstable-cron"],
];

/** How a runtime runs sources. */
export function commandOf(file: string): readonly string[] {
  if (/deno(\.exe)?$/.test(file)) return [file, "run", ...DENO_FLAGS];
  if (/bun(\.exe)?$/.test(file)) return [file, "--no-install"];
  return [file, "--disable-warning=ExperimentalWarning"];
}
