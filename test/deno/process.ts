/**
 * One of several processes on a database: a vault that does what it is told, line by line of JSON.
 * Its clock can be moved, so that nobody waits for a day to pass.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { createVault, isVaultError } from "../../src/deno.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { clockAhead } from "../support/clock.ts";

export interface Command {
  readonly id: number;
  readonly advance?: number;
  readonly signIn?: { readonly email: string; readonly password: string };
  /** Fetches this, as often as told. */
  readonly fetch?: string;
  readonly times?: number;
  /** Asks for the session's generation. */
  readonly generation?: true;
}

export interface Answer {
  readonly id: number;
  /** HTTP statuses, or the codes of errors; or a generation. */
  readonly results: readonly (number | string)[];
}

const [file, baseURL = "", keys] = process.argv.slice(2);
let passed = 0;

const vault = createVault({
  provider: vmcloud({ baseURL }),
  kv: await Deno.openKv(file),
  keys,
  dangerouslyAllowLoopbackHttp: true,
  refreshAhead: false,
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
  const { id, advance = 0, signIn, fetch: url, times = 1, generation } = command;
  passed += advance;
  if (signIn) await vault.signIn(signIn);
  const results = url ? await Promise.all(Array.from({ length: times }, () => call(url))) : [];
  if (generation) results.push(vault.snapshot().generation ?? 0);
  console.log(JSON.stringify({ id, results } satisfies Answer));
}

for await (const line of createInterface({ input: process.stdin }))
  void obey(JSON.parse(line) as Command);
process.exit();
