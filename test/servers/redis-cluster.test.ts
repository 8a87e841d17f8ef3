/** A Redis Cluster of two primaries: each record lies on one of them, and a list is of both. */
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisChannel } from "../../src/channels/redis.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { headOf, record } from "../contracts/store.ts";
import { openClient } from "./redis.ts";
import { type Server, startRedis, theServers } from "./own-server.ts";

const soon = { timeout: 15_000, interval: 20 };
const SLOTS = [
  ["0", "8191"],
  ["8192", "16383"],
] as const;

interface Opened {
  readonly client: RedisClient;
  end(): unknown;
}

const opens: Record<"redis" | "ioredis", (ports: readonly number[]) => Promise<Opened>> = {
  async redis(ports) {
    const rootNodes = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
    const client = createCluster({ rootNodes, useReplicas: true });
    client.on("error", () => {});
    await client.connect();
    return { client, end: () => client.destroy() };
  },
  async ioredis(ports) {
    const nodes = ports.map((port) => ({ host: "127.0.0.1", port }));
    const client = new Cluster(nodes, { scaleReads: "all" });
    client.on("error", () => {});
    return { client, end: () => client.disconnect() };
  },
};

describe.runIf(theServers().redis)("a Redis Cluster", () => {
  let servers: readonly Server[];
  beforeAll(async () => {
    servers = await Promise.all(SLOTS.map(() => startRedis(["--cluster-enabled", "yes"])));
    const admins = await Promise.all(servers.map(({ url }) => openClient("ioredis", url)));
    for (const [at, admin] of admins.entries())
      await admin.send("CLUSTER", "ADDSLOTSRANGE", ...SLOTS[at]!);
    await admins[0]!.send("CLUSTER", "MEET", "127.0.0.1", String(servers[1]!.port));
    for (const admin of admins)
      await vi.waitFor(async () => {
        const info = String(await admin.send("CLUSTER", "INFO"));
        if (!/cluster_state:ok[^]*cluster_known_nodes:2/.test(info)) throw new Error(info);
      }, soon);
    for (const admin of admins) admin.end();
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  it.each(["redis", "ioredis"] as const)(
    "by %s: compares and sets, lists and tells [P3 F30]",
    async (name) => {
      const { client, end } = await opens[name](servers.map(({ port }) => port));
      const store = redisStore(client, { prefix: `${name}:` });
      const keys = Array.from({ length: 20 }, (_, at) => `account|{${at}}`);
      for (const key of keys) {
        expect(await store.write(key, record({ sessionId: key }), undefined)).toBe(true);
        expect(await store.write(key, record(), undefined)).toBe(false);
        const next = record({ sessionId: key, revision: 2 });
        expect(await store.write(key, next, headOf(record({ sessionId: key })))).toBe(true);
        expect(await store.read(key)).toEqual(next);
        expect({ ...(await store.head(key)) }).toEqual(headOf(next));
      }
      expect((await store.list("account")).toSorted()).toEqual(keys.toSorted());
      const counts = await Promise.all(
        servers.map(async ({ url }) => {
          const node = await openClient("ioredis", url);
          const size = Number(await node.send("DBSIZE"));
          node.end();
          return size;
        }),
      );
      expect(Math.min(...counts)).toBeGreaterThan(0);

      const channel = redisChannel(client);
      const heard: unknown[] = [];
      const ports = [
        channel.open("one", (said) => heard.push(said)),
        channel.open("one", () => {}),
      ];
      await vi.waitFor(
        () => expect(ports.map((port) => port.isConnected!())).toEqual([true, true]),
        soon,
      );
      const message = { type: "changed", sessionId: "s", generation: 2 } as const;
      ports[1]!.post(message);
      await vi.waitFor(() => expect(heard).toEqual([message]), soon);
      for (const port of ports) port.close();
      end();
    },
  );
});
