/** A Sentinel that replaces a primary which died, seen by the clients of both packages. */
import { Redis as Io } from "ioredis";
import { createSentinel } from "redis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { redisChannel } from "../../src/channels/redis.ts";
import { createVault } from "../../src/index.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { headOf, record } from "../contracts/store.ts";
import { acme, credentials, fakeApi } from "../support/fake-api.ts";
import { startRedis, startSentinel, theServers } from "./own-server.ts";
import { openClient } from "./redis.ts";

const soon = { timeout: 60_000, interval: 50 };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A client that asks the Sentinel at this port who the primary is. */
const clients = {
  async redis(port: number): Promise<RedisClient> {
    const client = createSentinel({
      name: "main",
      sentinelRootNodes: [{ host: "127.0.0.1", port }],
    });
    client.on("error", () => {});
    await client.connect();
    ends.push(() => client.destroy());
    return client;
  },
  async ioredis(port: number): Promise<RedisClient> {
    const client = new Io({ name: "main", sentinels: [{ host: "127.0.0.1", port }] });
    client.on("error", () => {});
    ends.push(() => client.disconnect());
    return client;
  },
} as const;

describe.runIf(theServers().redis).each(["redis", "ioredis"] as const)(
  "a Sentinel, by %s",
  (name) => {
    it("puts a replica in the place of a primary that died: typed errors and no hang, the session is kept, and it is written on [P10 P16 F59]", async () => {
      const primary = await startRedis();
      ends.push(() => primary.close());
      const replica = await startRedis(["--replicaof", "127.0.0.1", String(primary.port)]);
      ends.push(() => replica.close());
      const sentinel = await startSentinel(primary);
      ends.push(() => sentinel.close());
      const watcher = await openClient("ioredis", sentinel.url);
      ends.push(() => watcher.end());
      // It learns of the replica from the primary.
      const heirs = (): Promise<unknown> => watcher.send("SENTINEL", "REPLICAS", "main");
      await vi.waitFor(async () => expect(await heirs()).toHaveLength(1), soon);

      const client = await clients[name](sentinel.port);
      const store = redisStore(client);
      const api = fakeApi();
      const vault = createVault({ provider: acme(), fetch: api.fetch, store });
      ends.push(() => vault.close());
      await vault.signIn(credentials);
      await store.write("a", record(), undefined);
      const admin = await openClient("ioredis", primary.url);
      expect(await admin.send("WAIT", "1", "10000")).toBe(1);
      admin.end();

      await primary.kill();
      const troubles: unknown[] = [];
      for (let isWritten = false; !isWritten;)
        try {
          await store.write("a", record({ revision: 2 }), headOf(record()));
          // A write may land after its caller was told that it failed: then the next one is told no.
          isWritten = (await store.read("a"))?.revision === 2;
        } catch (error) {
          troubles.push(error);
        }
      for (const trouble of troubles)
        expect(trouble).toMatchObject({ code: "store_unavailable", message: /Redis|replica/ });
      expect(await watcher.send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")).toEqual([
        "127.0.0.1",
        String(replica.port),
      ]);

      // Another process, which begins after the failover.
      const other = redisStore(await clients[name](sentinel.port));
      const successor = createVault({ provider: acme(), fetch: api.fetch, store: other });
      ends.push(() => successor.close());
      expect(await successor.getToken()).toBe(await vault.getToken());
      expect(await other.list("")).toHaveLength(2);
    });
  },
);

describe.runIf(theServers().redis)("a Sentinel's client of redis", () => {
  it("that is not connected is told, and for a channel it is refused [S17]", async () => {
    const client = createSentinel({
      name: "main",
      sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }],
    });
    await expect(redisStore(client).read("a")).rejects.toThrow("the Redis client is closed");
    expect(() => redisChannel(client)).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining("Sentinel of redis hears nothing"),
      }),
    );
  });
});
