/**
 * One of several processes on a folder: a vault that does what it is told, line by line of JSON. Its clock
 * can be moved, so that nobody waits for a day to pass.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { createVault, isVaultError } from "../../src/node.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { clockAhead } from "../support/clock.ts";

/** A moment of a refresh, in the store: where a process can be stopped for good. */
export type Phase =
  | "before the intent"
  | "after the intent"
  | "before the commit"
  | "after the commit";

export interface Command {
  readonly id: number;
  readonly advance?: number;
  readonly signIn?: { readonly email: string; readonly password: string };
  readonly signOut?: true;
  /** Fetches this, as often as told. */
  readonly fetch?: string;
  readonly times?: number;
  /** Asks for the session's generation, and whether it is stored. */
  readonly generation?: true;
  /** Stands still for ever at this moment of the next refresh. */
  readonly freezeAt?: Phase;
}

export interface Answer {
  readonly id: number;
  /** HTTP statuses, or the codes of errors; or a generation. */
  readonly results: readonly (number | string)[];
  /** Standing still: nothing follows. */
  readonly frozen?: Phase;
}

const [path = "", baseURL = ""] = process.argv.slice(2);
let passed = 0;
let freezing: Phase | undefined;
let writes = 0;

function freezeIf(phase: Phase): void {
  if (freezing !== phase) return;
  // Written at once: what is left to the event loop would never leave.
  process
    .getBuiltinModule("node:fs")
    .writeSync(1, `${JSON.stringify({ id: 0, results: [], frozen: phase } satisfies Answer)}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** The first write of a refresh is the intent, the second one the commit. */
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

const vault = createVault({
  provider: vmcloud({ baseURL }),
  path,
  dangerouslyAllowLoopbackHttp: true,
  // As if it had been in use all the time, although its clock leaps.
  maxStaleness: 1e10,
  clock: clockAhead(() => passed),
});

async function call(url: string): Promise<number | string> {
  try {
    const response = await vault.fetch(url);
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    return isVaultError(error) ? error.code : String(error);
  }
}

async function obey(command: Command): Promise<void> {
  const { id, advance = 0, signIn, signOut, fetch: url, times = 1, generation, freezeAt } = command;
  passed += advance;
  if (freezeAt) [freezing, writes] = [freezeAt, 0];
  if (signIn) await vault.signIn(signIn);
  if (signOut) await vault.signOut();
  const results = url ? await Promise.all(Array.from({ length: times }, () => call(url))) : [];
  const { generation: current = 0, persisted } = vault.snapshot();
  if (generation) results.push(current, String(persisted));
  console.log(JSON.stringify({ id, results } satisfies Answer));
}

for await (const line of createInterface({ input: process.stdin }))
  void obey(JSON.parse(line) as Command);
process.exit();
