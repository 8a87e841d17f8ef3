/**
 * One of several processes on a server: a vault that does what it is told, line by line of JSON. Its clock can
 * be moved, so that nobody waits for a day to pass.
 */
import { createInterface } from "node:readline";
import { postgresChannel } from "../../src/channels/postgres.ts";
import { redisChannel } from "../../src/channels/redis.ts";
import { createVault, isVaultError, type Vault } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { redisStore } from "../../src/stores/redis.ts";
import type { Channel, TokenStore } from "../../src/types.ts";
import { clockAhead } from "../support/clock.ts";
import { isPool, type Kind } from "./kinds.ts";
import { openPool } from "./postgres.ts";
import { openClient } from "./redis.ts";

export interface Command {
  readonly id: number;
  /** Makes a new vault for the API at this address, and lets go of the last one. */
  readonly begin?: string;
  /** How long its calls wait, milliseconds. */
  readonly patience?: number;
  readonly advance?: number;
  readonly signIn?: PasswordCredentials;
  /** Fetches this, as often as told. */
  readonly fetch?: string;
  readonly times?: number;
  /** Asks for the session's generation. */
  readonly generation?: true;
}

export interface Answer {
  readonly id: number;
  /** HTTP statuses, or the codes and messages of errors; or a generation. */
  readonly results: readonly (number | string)[];
}

const [kind = "redis", url = "", keys = ""] = process.argv.slice(2) as [Kind, string, string];

/** Half of the default, so that nobody waits long for a server that stands still. */
const timeout = 2000;

async function open(): Promise<{ readonly store: TokenStore; readonly channel: Channel }> {
  if (isPool(kind)) {
    const { client } = openPool(kind, url, 4);
    return { store: postgresStore(client, { timeout }), channel: postgresChannel(client) };
  }
  const { client } = await openClient(kind, url);
  return { store: redisStore(client, { timeout }), channel: redisChannel(client) };
}

const { store, channel } = await open();
const sealed = encrypted(store, keyring(keys));
let vault: Vault<PasswordCredentials> | undefined;
let passed = 0;

function begin(baseURL: string, patience: number): void {
  vault?.close();
  passed = 0;
  vault = createVault({
    provider: vmcloud({ baseURL }),
    store: sealed,
    channel,
    patience,
    dangerouslyAllowLoopbackHttp: true,
    // As if it had been in use all the time, although its clock leaps.
    maxStaleness: 1e10,
    clock: clockAhead(() => passed),
  });
}

async function call(at: string): Promise<number | string> {
  try {
    const response = await vault!.fetch(at);
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    return isVaultError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

async function obey(command: Command): Promise<void> {
  const { id, advance = 0, signIn, fetch: at, times = 1, generation } = command;
  if (command.begin) begin(command.begin, command.patience ?? 20_000);
  passed += advance;
  if (signIn) await vault?.signIn(signIn);
  const results = at ? await Promise.all(Array.from({ length: times }, () => call(at))) : [];
  if (generation) results.push(vault?.snapshot().generation ?? 0);
  console.log(JSON.stringify({ id, results } satisfies Answer));
}

for await (const line of createInterface({ input: process.stdin }))
  void obey(JSON.parse(line) as Command);
process.exit();
