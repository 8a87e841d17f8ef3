/** Several Node processes on one server, and the strict token server that they share. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { isPool, type Kind } from "./kinds.ts";
import { migration, openPool } from "./postgres.ts";
import type { Answer, Command } from "./process.ts";
import { type Server, startPostgres, startRedis } from "./server.ts";

export interface Member {
  /** Fetches a path of the API; answers with statuses, or error codes and messages. */
  fetch(times?: number): Promise<readonly (number | string)[]>;
  generation(): Promise<unknown>;
  signIn(): Promise<unknown>;
  advance(ms: number): Promise<unknown>;
  begin(url: string): Promise<unknown>;
  /** Ends it at once, whatever it is about. */
  kill(): Promise<void>;
  /** `SIGSTOP`, and `SIGCONT`. */
  pause(): void;
  resume(): void;
}

export interface Scene {
  readonly api: SpawnedApi;
  readonly members: readonly Member[];
  /** Lets time pass for the token server and for those members. */
  pass(ms: number, members?: readonly Member[]): Promise<void>;
}

export interface Family {
  readonly kind: Kind;
  readonly server: Server;
  /** Begins anew: a fresh token server, a session, and that many processes that have it in memory. */
  scene(size: number): Promise<Scene>;
  close(): Promise<void>;
}

const KEYS = `k1:${Buffer.alloc(32, 7).toString("base64")}`;

function start(kind: Kind, server: string): Member & { readonly isAlive: () => boolean } {
  const script = fileURLToPath(new URL("process.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, kind, server, KEYS], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let isAlive = true;
  let api = "";
  const ended = new Promise<void>((resolve) =>
    child.once("exit", () => {
      isAlive = false;
      resolve();
    }),
  );
  const waiting = new Map<number, (results: Answer["results"]) => void>();
  let commands = 0;
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const { id, results } = JSON.parse(line) as Answer;
    waiting.get(id)?.(results);
  });
  const ask = (command: Omit<Command, "id">): Promise<Answer["results"]> =>
    new Promise((resolve, reject) => {
      const id = (commands += 1);
      waiting.set(id, resolve);
      child.stdin!.write(JSON.stringify({ ...command, id }) + "\n");
      void ended.then(() => reject(new Error("The process has ended")));
    });
  return {
    isAlive: () => isAlive,
    fetch: (times = 1) => ask({ fetch: `${api}/v1/vms`, times }),
    generation: async () => (await ask({ generation: true }))[0],
    signIn: () => ask({ signIn: ada }),
    advance: (ms) => ask({ advance: ms }),
    begin(url) {
      api = url;
      return ask({ begin: url });
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
}

/** `door` is another address that leads to the server. */
export async function family(kind: Kind, server: Server, door = server.url): Promise<Family> {
  const living: ReturnType<typeof start>[] = [];
  if (isPool(kind)) {
    const pool = openPool(kind, server.url, 1);
    await pool.query(migration("tokenkeep_sessions").replace("TABLE", "TABLE IF NOT EXISTS"));
    await pool.end();
  }
  return {
    kind,
    server,
    async scene(size) {
      const api = await spawnApi(inject("control"), { rotation: "strict" });
      const members = living.filter((member) => member.isAlive()).slice(0, size);
      while (members.length < size) {
        const member = start(kind, door);
        members.push(member);
        living.push(member);
      }
      await Promise.all(members.map((member) => member.begin(api.url)));
      await members[0]!.signIn();
      await Promise.all(members.map((member) => member.fetch()));
      let passed = 0;
      return {
        api,
        members,
        async pass(ms, some = members) {
          await api.set({ clockOffset: (passed += ms) });
          await Promise.all(some.map((member) => member.advance(ms)));
        },
      };
    },
    async close() {
      await Promise.all(living.map((member) => member.kill()));
    },
  };
}

/** The server for a kind, with settings beside those that the store wants. */
export const startFor = (kind: Kind, ...more: Parameters<typeof startRedis>): Promise<Server> =>
  isPool(kind) ? startPostgres(...more) : startRedis(...more);
