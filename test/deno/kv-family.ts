/** Several Deno processes on one database, and the strict server that they share. */
import { fileURLToPath } from "node:url";
import { afterEach, inject } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import type { SpawnOptions } from "../apis/serve.ts";
import {
  commandOf,
  endAll,
  passing,
  type Spawned,
  spawnMember,
  type Verbs,
  verbsOf,
} from "../support/member-processes.ts";
import type { Results } from "../support/obeying-process.ts";
import { printIfFailed } from "../support/server-says.ts";
import { freshFile, KEYS } from "./kv-databases.ts";

export interface Member extends Verbs, Pick<Spawned<object>, "kill"> {
  /** Fetches a path of the API; answers with statuses or error codes. */
  fetch(path: string, times?: number): Promise<Results>;
}

export interface Family {
  readonly api: SpawnedApi;
  readonly members: readonly Member[];
  /** Lets time pass for the server and for those members. */
  pass(ms: number, members?: readonly Member[]): Promise<void>;
}

afterEach(endAll);

const script = fileURLToPath(new URL("kv-process.ts", import.meta.url));

function start(file: string, url: string): Member {
  const spawned = spawnMember([...commandOf(process.execPath), script, file, url, KEYS]);
  const { ask, kill } = spawned;
  return {
    ...verbsOf(spawned),
    kill,
    fetch: (path, times = 1) => ask({ fetch: url + path, times }),
  };
}

/** That many processes, the first of which has signed in; all have the session in memory. */
export async function family(size: number, options?: SpawnOptions): Promise<Family> {
  const api = await spawnApi(inject("control"), { rotation: "strict", ...options });
  printIfFailed(api);
  const file = freshFile();
  const members = Array.from({ length: size }, () => start(file, api.url));
  await members[0]!.signIn();
  await Promise.all(members.map((member) => member.fetch("/v1/vms")));
  return { api, members, pass: passing(api, members) };
}
