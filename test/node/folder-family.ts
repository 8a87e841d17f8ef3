/** Several processes on one folder, and the strict server that they share. */
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, inject } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import type { SpawnOptions } from "../apis/serve.ts";
import {
  commandOf,
  DAY,
  endAll,
  every,
  HOUR,
  passing,
  type Spawned,
  spawnMember,
  type Verbs,
  verbsOf,
} from "../support/member-processes.ts";
import { printIfFailed } from "../support/server-says.ts";
import type { Results } from "../support/obeying-process.ts";
import type { Freezing, Frozen, Phase, Still } from "./folder-process.ts";
import { type Looking, LOOKS } from "./looks.ts";

export { DAY, every, HOUR, type Results };

export interface Member extends Verbs, Pick<Spawned<object>, "pid" | "signal" | "kill"> {
  /** Fetches a path of the API; answers with statuses or error codes. */
  fetch(path: string, times?: number): Promise<Results>;
  /** Resolves once it has looked at the record, and knows what it has seen. */
  look(): Promise<unknown>;
  /** Stands still at this moment of the next refresh; resolves when it does. */
  freezeAt(phase: Phase): Promise<{ readonly frozen: Promise<unknown> }>;
}

export interface Family {
  readonly api: SpawnedApi;
  readonly members: readonly Member[];
  readonly folder: string;
  /** Lets time pass for the server and for those members. */
  pass(ms: number, members?: readonly Member[]): Promise<void>;
}

const script = fileURLToPath(new URL("folder-process.ts", import.meta.url));

const folders = new Set<string>();
afterEach(async () => {
  await endAll();
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
  readonly keys: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

function start(runtime: string, { folder, url, user, keys = "", env }: Place): Member {
  let onFrozen = (): void => {};
  const given = [script, folder, url, ...(keys && [keys])];
  const spawned = spawnMember<Freezing & Looking>([...commandOf(runtime), ...given], {
    ...user,
    env,
    heard: (answer) => (answer as Partial<Frozen>).frozen && onFrozen(),
  });
  const { ask, pid, signal, kill } = spawned;
  return {
    ...verbsOf(spawned),
    ...{ pid, signal, kill },
    fetch: (path, times = 1) => ask({ fetch: url + path, times }),
    look: () => ask({ looks: LOOKS }),
    async freezeAt(phase) {
      const frozen = new Promise<void>((resolve) => (onFrozen = resolve));
      await ask({ freezeAt: phase });
      return { frozen };
    },
  };
}

/**
 * One process for each of these runtimes, the first of which has signed in; all have the session in
 * memory.
 */
export async function family(
  runtimes: readonly string[],
  options: SpawnOptions & {
    readonly folder?: string;
    readonly user?: User;
    /** What seals the sessions: a key file in the folder by default, which is not for Deno. */
    readonly keys?: string | undefined;
    /** No time passes for them but what they are told of. */
    readonly isStill?: boolean;
  } = {},
): Promise<Family> {
  const { folder = freshFolder(), user, keys, isStill = false, ...switches } = options;
  const env = isStill ? ({ TOKENKEEP_STILL_SINCE: `${Date.now()}` } satisfies Still) : {};
  if (user)
    for (const one of [path.dirname(folder), folder])
      if (existsSync(one)) chownSync(one, user.uid, user.gid);
  const api = await spawnApi(inject("control"), { rotation: "strict", ...switches });
  printIfFailed(api);
  const members = runtimes.map((runtime) =>
    start(runtime, { folder, url: api.url, user, keys, env }),
  );
  await members[0]!.signIn();
  await Promise.all(members.map((member) => member.fetch("/v1/vms")));
  return { api, members, folder, pass: passing(api, members) };
}

export const all = async (members: readonly Member[], times = 3): Promise<Results> =>
  (await Promise.all(members.map((member) => member.fetch("/v1/vms", times)))).flat();
