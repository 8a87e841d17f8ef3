/**
 * A Redis that is there and does not answer: stopped, paused, or behind a line that is dead. Each call ends in its
 * time, and what arrives late changes nothing that was written meanwhile.
 */
import { Redis as Io } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createVault } from "../../src/index.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import type { TokenStore } from "../../src/types.ts";
import { headOf, record } from "../contracts/store.ts";
import { clockAhead } from "../support/clock.ts";
import { acme, credentials, fakeApi } from "../support/fake-api.ts";
import { type Door, openDoor } from "./tcp-proxy.ts";
import { freshPrefix, type Opened, openClient, PACKAGES } from "./redis.ts";
import { type Server, startRedis, theServers } from "./own-server.ts";

/** What nobody waits for in vain for long, and a busy machine keeps. */
const timeout = 1000;
const soon = { timeout: 30_000, interval: 50 };
const silent = expect.objectContaining({
  code: "store_unavailable",
  message: "Cannot use the store: Redis does not answer. Try again: nothing is lost.",
}) as object;

const refusals = async (...calls: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(calls)).map((call) =>
    call.status === "rejected" ? (call.reason as unknown) : call.value,
  );

const callAll = (store: TokenStore): Promise<unknown[]> =>
  refusals(
    store.read("a"),
    store.head("a"),
    store.list(""),
    store.write("a", record({ revision: 2 }), headOf(record())),
    store.write("b", record(), undefined),
  );
const allSilent = Array.from({ length: 5 }, () => silent);

describe.runIf(theServers().redis).each(PACKAGES)("a silent Redis, by %s", (name) => {
  let server: Server;
  let door: Door;
  let admin: Opened;
  const opened: Opened[] = [];
  async function open(url: string): Promise<RedisClient> {
    const one = await openClient(name, url);
    opened.push(one);
    return one.client;
  }
  beforeAll(async () => {
    server = await startRedis();
    door = await openDoor(server);
    admin = await openClient("redis", server.url);
  });
  afterEach(() => {
    for (const one of opened.splice(0)) one.end();
  });
  afterAll(async () => {
    admin.end();
    await door.close();
    await server.close();
  });

  const silences: readonly (readonly [string, () => unknown, () => unknown])[] = [
    ["a process that stands still", () => server.pause(), () => server.resume()],
    [
      "CLIENT PAUSE",
      () => admin.send("CLIENT", "PAUSE", "1000000", "WRITE"),
      () => admin.send("CLIENT", "UNPAUSE"),
    ],
  ];

  it.each(silences)(
    "%s: each call ends in its time, and then it goes on [P10 P16 F59]",
    async (_, begin, end) => {
      const client = await open(server.url);
      const [prefix, other] = [freshPrefix(), freshPrefix()];
      const known = redisStore(client, { prefix, timeout });
      await known.write("a", record(), undefined);
      const fresh = redisStore(client, { prefix: other, timeout });
      await begin();
      onTestFinished(() => void end());
      expect(await callAll(known)).toEqual(allSilent);
      expect(await callAll(fresh)).toEqual(allSilent);
      await end();
      // What was on its way may have been written, or not: a reader knows.
      await vi.waitFor(async () => expect((await known.head("a"))?.revision).toBeDefined(), soon);
      const found = await known.head("a");
      expect(await known.write("a", record({ revision: 3 }), found)).toBe(true);
      await vi.waitFor(async () => expect(await fresh.read("z")).toBeUndefined(), soon);
    },
  );

  it("a caller is served from memory meanwhile, and nobody is signed out [P16 F59]", async () => {
    const store = redisStore(await open(server.url), { prefix: freshPrefix(), timeout });
    let passed = 0;
    const clock = clockAhead(() => passed);
    const api = fakeApi();
    const vault = createVault({ provider: acme(), fetch: api.fetch, store, clock });
    onTestFinished(() => vault.close());
    await vault.signIn(credentials);
    const token = await vault.getToken();
    server.pause();
    onTestFinished(() => server.resume());
    expect(await vault.getToken()).toBe(token);
    passed += 3_600_000;
    await expect(vault.getToken()).rejects.toMatchObject({ code: "store_unavailable" });
    expect(api.to("/refresh").length).toBe(0);
    expect(vault.snapshot().status).not.toBe("signed-out");
    server.resume();
    await vi.waitFor(async () => expect(await vault.getToken()).not.toBe(token), soon);
    expect(api.to("/refresh").length).toBe(1);
  });

  it("what arrives late changes nothing that another has written meanwhile [P3 P4 P8]", async () => {
    const prefix = freshPrefix();
    const far = redisStore(await open(door.url), { prefix, timeout });
    const near = redisStore(await open(server.url), { prefix });
    const late = record({ revision: 2, body: "late" });
    const other = record({ revision: 2, body: "another's" });
    const ended = { ...headOf(record({ revision: 2 })), tombstone: true, endedAt: 1 } as const;
    for (const key of ["replaced", "ended", "deleted"]) await near.write(key, record(), undefined);
    await far.list("");

    const unmute = door.mute();
    const tries = await refusals(
      ...["replaced", "ended", "deleted"].map((key) => far.write(key, late, headOf(record()))),
      far.write("new", late, undefined),
      far.write("new and ended", late, undefined),
    );
    expect(tries).toEqual(allSilent);
    expect(await near.write("replaced", other, headOf(record()))).toBe(true);
    expect(await near.write("ended", ended, headOf(record()))).toBe(true);
    expect(await near.write("deleted", undefined, headOf(record()))).toBe(true);
    expect(await near.write("new", other, undefined)).toBe(true);
    expect(await near.write("new and ended", ended, undefined)).toBe(true);
    unmute();
    // On the same connection, so behind them.
    await vi.waitFor(async () => expect(await far.read("nothing")).toBeUndefined(), soon);

    expect(await near.read("replaced")).toEqual(other);
    expect({ ...(await near.read("ended")) }).toEqual(ended);
    expect(await near.read("deleted")).toBeUndefined();
    expect(await near.read("new")).toEqual(other);
    expect({ ...(await near.read("new and ended")) }).toEqual(ended);
  });

  it("what waits in the client for a connection is written late at most, and never over another's [P3 P8]", async () => {
    const prefix = freshPrefix();
    const far = redisStore(await open(door.url), { prefix, timeout });
    const near = redisStore(await open(server.url), { prefix });
    await far.write("a", record(), undefined);
    await far.write("b", record(), undefined);
    const { port } = server;
    const nowhere = 1;
    door.lead(nowhere);
    const tries = ["a", "b"].map((key) =>
      far.write(key, record({ revision: 2, body: "late" }), headOf(record())),
    );
    expect(await refusals(...tries)).toEqual([silent, silent]);
    const other = record({ revision: 2, body: "another's" });
    expect(await near.write("a", other, headOf(record()))).toBe(true);
    door.lead(port);
    await vi.waitFor(async () => expect(await far.read("a")).toEqual(other), soon);
    // Nothing begins after its caller has been told that it failed; but ioredis sends again what was on its way.
    const found = await far.head("b");
    expect(name === "redis" ? [1] : [1, 2]).toContain(found?.revision);
    expect(await far.write("b", record({ revision: 3 }), found)).toBe(true);
  });

  it("a line that is dead is given up by a client that has a socket timeout, and then it goes on [P10 P16]", async () => {
    const prefix = freshPrefix();
    // Longer than a call, so that each call is told of the silence; and than a busy machine's pauses.
    const socketTimeout = 4 * timeout;
    const client =
      name === "redis"
        ? createClient({
            url: door.url,
            socket: { socketTimeout, reconnectStrategy: () => 50 },
          })
        : new Io(door.url, { socketTimeout });
    client.on("error", () => {});
    if ("isOpen" in client) await client.connect();
    onTestFinished(() => ("isOpen" in client ? client.destroy() : client.disconnect()));
    const store = redisStore(client as RedisClient, { prefix, timeout });
    expect(await store.write("a", record(), undefined)).toBe(true);
    const again = new Promise<void>((resolve) => void client.once("ready", () => resolve()));
    door.freeze();
    expect(await callAll(store)).toEqual(allSilent);
    // In `redis` each command that is sent begins the time anew, so that none is sent here.
    await again;
    // ioredis sends again what was on its way.
    await vi.waitFor(
      async () => expect((await store.head("a"))?.sessionId).toBe("session-1"),
      soon,
    );
    expect(await store.write("a", record({ revision: 9 }), await store.head("a"))).toBe(true);
  });
});
