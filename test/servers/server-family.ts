/** Several Node processes on one server, and the strict token server that they share. */
import { fileURLToPath } from "node:url";
import { describe, inject } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import {
  passing,
  type Spawned,
  spawnMember,
  type Verbs,
  verbsOf,
} from "../support/member-processes.ts";
import type { Results } from "../support/obeying-process.ts";
import { printIfFailed } from "../support/server-says.ts";
import { isPool, type Kind } from "./packages.ts";
import { migration, openPool } from "./postgres.ts";
import type { Beginning } from "./server-process.ts";
import { type Server, startPostgres, startRedis, theServers } from "./own-server.ts";

export interface Member extends Verbs, Pick<Spawned<Beginning>, "kill" | "isAlive"> {
  /** Fetches a path of the API; answers with statuses, or error codes and messages. */
  fetch(times?: number): Promise<Results>;
  begin(url: string, patience: number): Promise<unknown>;
  /** `SIGSTOP`, and `SIGCONT`. */
  pause(): void;
  resume(): void;
}

export interface Scene {
  readonly api: SpawnedApi;
  readonly members: readonly Member[];
  /** Lets time pass for the token server and for those members. */
  pass(ms: number, members?: readonly Member[]): Promise<void>;
  /** Lets time pass for them, again and again, until those have their answer who wait for another's end. */
  outlast<T>(answer: Promise<T>, members: readonly Member[]): Promise<T>;
}

export interface Family {
  readonly kind: Kind;
  readonly server: Server;
  /** Begins anew: a fresh token server, a session, and that many processes that have it in memory. */
  scene(size: number, patience?: number): Promise<Scene>;
  close(): Promise<void>;
}

const KEYS = `k1:${Buffer.alloc(32, 7).toString("base64")}`;

function start(kind: Kind, server: string): Member {
  const script = fileURLToPath(new URL("server-process.ts", import.meta.url));
  const spawned = spawnMember<Beginning>([process.execPath, script, kind, server, KEYS], {
    env: { NODE_COMPILE_CACHE: inject("servers").cache },
  });
  const { ask, signal, kill, isAlive } = spawned;
  let api = "";
  return {
    ...verbsOf(spawned),
    ...{ kill, isAlive },
    fetch: (times = 1) => ask({ fetch: `${api}/v1/vms`, times }),
    begin(url, patience) {
      api = url;
      return ask({ begin: url, patience });
    },
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
  };
}

/** `door` is another address that leads to the server. */
export async function family(kind: Kind, server: Server, door = server.url): Promise<Family> {
  const living: Member[] = [];
  if (isPool(kind)) {
    const pool = openPool(kind, server.url, 1);
    await pool.query(migration("tokenkeep_sessions").replace("TABLE", "TABLE IF NOT EXISTS"));
    await pool.end();
  }
  return {
    kind,
    server,
    async scene(size, patience = 20_000) {
      const api = await spawnApi(inject("control"), { rotation: "strict" });
      printIfFailed(api);
      const members = living.filter((member) => member.isAlive()).slice(0, size);
      while (members.length < size) {
        const member = start(kind, door);
        members.push(member);
        living.push(member);
      }
      // One may stand still since a test that failed.
      for (const member of members) member.resume();
      await Promise.all(members.map((member) => member.begin(api.url, patience)));
      await members[0]!.signIn();
      await Promise.all(members.map((member) => member.fetch()));
      const pass = passing(api, members);
      return {
        api,
        members,
        pass,
        async outlast(answer, some) {
          const over = answer.then(() => true);
          // One that sees the other's intent after the first leap ages it from then on.
          do await pass(20_000, some);
          while (!(await Promise.race([over, later()])));
          return answer;
        },
      };
    },
    async close() {
      await Promise.all(living.map((member) => member.kill()));
    },
  };
}

const later = (): Promise<false> =>
  new Promise((resolve) => setTimeout(() => resolve(false), 1000));

/** The server for a kind, with settings beside those that the store wants. */
export const startFor = (kind: Kind, ...more: Parameters<typeof startRedis>): Promise<Server> =>
  isPool(kind) ? startPostgres(...more) : startRedis(...more);

/** Whether a kind's server is ours to start and end: one of the environment is not. */
const isOurs = (kind: Kind): boolean => theServers()[isPool(kind) ? "postgres" : "redis"];

/** A suite for each package. It is skipped, and shown as that, where the server is not ours. */
export function describeEach(
  kinds: readonly Kind[],
  title: string,
  suite: (kind: Kind) => void,
): void {
  for (const kind of kinds)
    describe.runIf(isOurs(kind))(`${title.replace("%s", kind)}`, () => {
      suite(kind);
    });
}
