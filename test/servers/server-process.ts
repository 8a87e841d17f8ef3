/**
 * One of several processes on a server: a vault that does what it is told, line by line of JSON. Its clock can
 * be moved, so that nobody waits for a day to pass.
 */
import { postgresChannel } from "../../src/channels/postgres.ts";
import { redisChannel } from "../../src/channels/redis.ts";
import { createVault, type Vault } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { redisStore } from "../../src/stores/redis.ts";
import type { Channel, TokenStore } from "../../src/types.ts";
import { clockAhead } from "../support/clock.ts";
import { carryOut, messageOf, obey } from "../support/obeying-process.ts";
import { isPool, type Kind } from "./packages.ts";
import { openPool } from "./postgres.ts";
import { openClient } from "./redis.ts";

/** What such a process can be told besides. */
export interface Beginning {
  /** Makes a new vault for the API at this address, and lets go of the last one. */
  readonly begin: string;
  /** How long its calls wait, milliseconds. */
  readonly patience: number;
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

function begin(baseURL: string, patience: number): Vault<PasswordCredentials> {
  vault?.close();
  passed = 0;
  return createVault({
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

await obey<Partial<Beginning>>(async ({ begin: api, patience = 20_000, ...order }) => {
  if (api !== undefined) vault = begin(api, patience);
  passed += order.advance ?? 0;
  return vault ? carryOut(vault, order, messageOf) : [];
});
