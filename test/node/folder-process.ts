/**
 * One of several processes on a folder: a vault that does what it is told, line by line of JSON. Its clock
 * can be moved, so that nobody waits for a day to pass.
 */
import process from "node:process";
import { createVault as createCore } from "../../src/index.ts";
import { createVault } from "../../src/node.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { clockAhead, stillClock } from "../support/clock.ts";
import { carryOut, obey } from "../support/obeying-process.ts";
import { countLooks, type Looking } from "./looks.ts";

/** A moment of a refresh, in the store: where a process can be stopped for good. */
export type Phase =
  | "before the intent"
  | "after the intent"
  | "before the commit"
  | "after the commit";

/** What such a process can be told besides. */
export interface Freezing {
  /** Stands still for ever at this moment of the next refresh. */
  readonly freezeAt: Phase;
}

/** Its environment, where its clock stands still from then on, but for the time that it is told of. */
export interface Still {
  readonly TOKENKEEP_STILL_SINCE: string;
}

/** Said by one that stands still: nothing follows. */
export interface Frozen {
  readonly frozen: Phase;
}

const [path = "", baseURL = "", keys] = process.argv.slice(2);
let passed = 0;
let freezing: Phase | undefined;
let writes = 0;

function freezeIf(phase: Phase): void {
  if (freezing !== phase) return;
  // Written at once: what is left to the event loop would never leave.
  process
    .getBuiltinModule("node:fs")
    .writeSync(1, `${JSON.stringify({ frozen: phase } satisfies Frozen)}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** The first write of a refresh is the intent, the second one the commit. */
const looked = countLooks();
const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
const { exec } = DatabaseSync.prototype;
let isWriting = false;
DatabaseSync.prototype.exec = function (sql: string) {
  if (!freezing) return exec.call(this, sql);
  if (sql === "BEGIN IMMEDIATE") {
    isWriting = true;
    writes += 1;
    freezeIf(writes === 1 ? "before the intent" : "before the commit");
  }
  const result = exec.call(this, sql);
  if (sql === "COMMIT" && isWriting) {
    isWriting = false;
    freezeIf(writes === 1 ? "after the intent" : "after the commit");
  }
  return result;
};

const { TOKENKEEP_STILL_SINCE: stillSince } = process.env as Partial<Still>;
const shared = {
  provider: vmcloud({ baseURL }),
  dangerouslyAllowLoopbackHttp: true,
  // As if it had been in use all the time, although its clock leaps.
  maxStaleness: 1e10,
  clock: stillSince ? stillClock(Number(stillSince), () => passed) : clockAhead(() => passed),
};

/** Deno has no `tokenkeep/node`: the core, over the very file that the others keep in their folder. */
function openInDeno(): ReturnType<typeof createVault<PasswordCredentials>> {
  const db = new DatabaseSync(`${path}/sessions.db`);
  return createCore({ ...shared, store: encrypted(sqliteStore(db), keyring(keys ?? "")) });
}

/** Opened with the first order: the file is made by one of the others. */
let vault: ReturnType<typeof openInDeno> | undefined;
const open = (): ReturnType<typeof openInDeno> =>
  "Deno" in globalThis ? openInDeno() : createVault({ ...shared, path, keys });

await obey<Partial<Freezing & Looking>>(async ({ freezeAt, looks, ...order }) => {
  if (looks) await looked(looks);
  passed += order.advance ?? 0;
  if (freezeAt) [freezing, writes] = [freezeAt, 0];
  vault ??= open();
  return carryOut(vault, order);
});
