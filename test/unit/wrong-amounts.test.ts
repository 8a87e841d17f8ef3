/** Options that are amounts: one that is none is told at once, by every kind of vault and of store. */
import { describe, expect, it } from "vitest";
import { createVault as createBrowserVault } from "../../src/browser.ts";
import { createVault as createDenoVault } from "../../src/deno.ts";
import { createVault } from "../../src/index.ts";
import { createVault as createNodeVault } from "../../src/node.ts";
import { createStepUp } from "../../src/oauth.ts";
import { cloudflareKvStore } from "../../src/stores/cloudflare-kv.ts";
import { denoKvStore } from "../../src/stores/deno-kv.ts";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { connectVault, serveVault } from "../../src/worker.ts";
import { acme } from "../support/fake-api.ts";
import { closedAfter } from "../support/vault.ts";

const wrong: readonly unknown[] = [Number.NaN, -1, -Infinity, "5000", null, 5n, {}];
const right: readonly (number | undefined)[] = [0, 0.5, 20_000, Infinity, undefined];
const invalid = expect.objectContaining({ code: "invalid_option" }) as object;

type Make = (options: object) => unknown;

// As much of each client as a store looks at before its first call.
const call = (): void => {};
const sqlite = { prepare: call } as never;
const redis = { isOpen: true, sendCommand: call } as never;
const postgres = { query: call, connect: call, totalCount: 0 } as never;
const denoKv = { atomic: call } as never;
const storage = { kv: { get: call } } as never;
const kv = { getWithMetadata: call } as never;

const overStore =
  (make: (options: never) => { close(): void }): Make =>
  (options) =>
    closedAfter(make({ provider: acme(), store: memoryStore(), ...options } as never));

const makers: readonly (readonly [string, Make, readonly string[]])[] = [
  ...(
    [
      ["createVault", createVault],
      ["createVault of tokenkeep/browser", createBrowserVault],
      ["createVault of tokenkeep/deno", createDenoVault],
      ["createVault of tokenkeep/node", createNodeVault],
    ] as const
  ).map(
    ([name, make]) =>
      [name, overStore(make), ["patience", "maxStaleness", "maxReplayBytes"]] as const,
  ),
  [
    "serveVault",
    (options) => serveVault({ provider: acme(), store: memoryStore(), ...options }),
    ["patience", "maxStaleness", "maxReplayBytes"],
  ],
  [
    "connectVault",
    (options) => closedAfter(connectVault(() => new Promise<never>(() => {}), options)),
    ["timeout", "maxReplayBytes"],
  ],
  [
    "createStepUp",
    (options) => createStepUp({} as never, { onChallenge: async () => {}, ...options }),
    ["patience"],
  ],
  ...(
    [
      ["indexedDbStore", indexedDbStore],
      ["sqliteStore", (options) => sqliteStore(sqlite, options)],
      ["redisStore", (options) => redisStore(redis, options)],
      ["postgresStore", (options) => postgresStore(postgres, options)],
      ["denoKvStore", (options) => denoKvStore(denoKv, options)],
      ["durableObjectStore", (options) => durableObjectStore(storage, options)],
    ] as readonly [string, Make][]
  ).map(([name, make]) => [name, make, ["timeout"]] as const),
  [
    "cloudflareKvStore",
    (options) => cloudflareKvStore(kv, options),
    ["cacheTtl", "expiresIn", "timeout"],
  ],
];

describe.each(makers)("%s", (_, make, names) => {
  it.each(names)("refuses a %s that is no number from 0 on [S17 P10]", (name) => {
    for (const amount of wrong) expect(() => make({ [name]: amount })).toThrow(invalid);
  });

  it.each(names)("takes any other %s, no limit among them [P10]", (name) => {
    for (const amount of right) expect(() => make({ [name]: amount })).not.toThrow();
  });
});
