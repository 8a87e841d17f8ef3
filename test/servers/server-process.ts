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

interface Opened {
  readonly storeFor: (timeout: number) => TokenStore;
  readonly channel: Channel;
}

async function open(): Promise<Opened> {
  if (isPool(kind)) {
    const { client } = openPool(kind, url, 4);
    return {
      storeFor: (timeout) => postgresStore(client, { timeout }),
      channel: postgresChannel(client),
    };
  }
  const { client } = await openClient(kind, url);
  return { storeFor: (timeout) => redisStore(client, { timeout }), channel: redisChannel(client) };
}

/**
 * A call gives up at the second operation that its server does not answer in time. So each has a fourth of the
 * patience: where nobody is to be served, nobody waits long for that, and where all are to be served, a busy disk
 * may take its time.
 */
const timeoutOf = (patience: number): number => patience / 4;

const { storeFor, channel } = await open();
const ring = keyring(keys);
let vault: Vault<PasswordCredentials> | undefined;
let passed = 0;

function begin(baseURL: string, patience: number): Vault<PasswordCredentials> {
  vault?.close();
  passed = 0;
  return createVault({
    provider: vmcloud({ baseURL }),
    store: encrypted(storeFor(timeoutOf(patience)), ring),
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
