/** A Redis Cluster of two primaries: each record lies on one of them, and a list is of both. */
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { redisChannel } from "../../src/channels/redis.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { headOf, record } from "../contracts/store.ts";
import { openClient } from "./redis.ts";
import { freePort } from "../support/free-port.ts";
import { type Server, startRedis, theServers } from "./own-server.ts";

const soon = { timeout: 15_000, interval: 20 };
/** A client may need a while to notice that a node is gone. */
const sometime = { timeout: 40_000, interval: 20 };
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

/** Two primaries, each with half of the slots. */
async function startCluster(): Promise<readonly [Server, Server]> {
  // By itself the bus is 10,000 above, where the system's own choices may be in its way.
  const buses = [String(await freePort()), String(await freePort())] as const;
  const start = (bus: string): Promise<Server> =>
    startRedis([
      ...["--cluster-enabled", "yes", "--cluster-port", bus],
      // A primary without slots stays one, until it is taken out.
      ...["--cluster-allow-replica-migration", "no"],
    ]);
  const servers = await Promise.all([start(buses[0]), start(buses[1])]);
  const admins = await Promise.all(servers.map(({ url }) => openClient("ioredis", url)));
  for (const [at, admin] of admins.entries())
    await admin.send("CLUSTER", "ADDSLOTSRANGE", ...SLOTS[at]!);
  await admins[0]!.send("CLUSTER", "MEET", "127.0.0.1", String(servers[1].port), buses[1]);
  for (const admin of admins)
    await vi.waitFor(async () => {
      const info = String(await admin.send("CLUSTER", "INFO"));
      if (!/cluster_state:ok[^]*cluster_known_nodes:2/.test(info)) throw new Error(info);
    }, soon);
  for (const admin of admins) admin.end();
  return servers;
}

/** Asks one server by a connection of its own. */
async function ask({ url }: Server, ...command: string[]): Promise<unknown> {
  const { send, end } = await openClient("ioredis", url);
  try {
    return await send(...command);
  } finally {
    end();
  }
}

/** How a primary leaves for good: with its process, or as `redis-cli --cluster del-node` has it, which lets it run. */
const leaves = {
  ends: (gone: Server): Promise<unknown> => gone.kill(),
  "is reset": (gone: Server): Promise<unknown> => ask(gone, "CLUSTER", "RESET", "SOFT"),
};

/** Gives all slots to one primary; both know of it. */
async function reshard(from: Server, heir: Server): Promise<void> {
  const id = String(await ask(heir, "CLUSTER", "MYID"));
  const slots = Array.from({ length: 16_384 }, (_, at) => String(at));
  for (const { url } of [from, heir]) {
    const { send, end } = await openClient("ioredis", url);
    await Promise.all(slots.map((slot) => send("CLUSTER", "SETSLOT", slot, "NODE", id)));
    end();
  }
  // Else an older word of the other one could take them back.
  await ask(heir, "CLUSTER", "BUMPEPOCH");
  for (const server of [from, heir])
    await vi.waitFor(async () => {
      const nodes = String(await ask(server, "CLUSTER", "NODES"));
      if (!RegExp(`${id}.* 0-16383`).test(nodes)) throw new Error(nodes);
    }, soon);
}

const subscribers = async (server: Server, name: string): Promise<unknown> =>
  Object(await ask(server, "PUBSUB", "NUMSUB", name))[1];

describe.runIf(theServers().redis)("a Redis Cluster", () => {
  let servers: readonly Server[];
  beforeAll(async () => {
    servers = await startCluster();
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
        servers.map(async (server) => Number(await ask(server, "DBSIZE"))),
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

  it.each([
    ["redis", "ends"],
    ["ioredis", "ends"],
    ["redis", "is reset"],
    ["ioredis", "is reset"],
  ] as const)(
    "by %s: a channel whose node is taken out, and %s, goes on by another one [F30 F59]",
    async (name, how) => {
      const all = await startCluster();
      onTestFinished(async () => {
        await Promise.all(all.map((server) => server.close()));
      });
      const { client, end } = await opens[name](all.map(({ port }) => port));
      const heard: unknown[] = [];
      const channel = redisChannel(client);
      const port = channel.open("one", (said) => heard.push(said));
      const other = channel.open("one", () => {});
      const areThere = (): Promise<void> =>
        vi.waitFor(
          () => expect([port.isConnected!(), other.isConnected!()]).toEqual([true, true]),
          sometime,
        );
      await areThere();
      const counts = await Promise.all(all.map((server) => subscribers(server, "tokenkeep:one")));
      expect(counts.toSorted()).toEqual([0, 1]);
      const [gone, left] = counts[0] === 1 ? all : [all[1], all[0]];
      const id = String(await ask(gone, "CLUSTER", "MYID"));
      await reshard(gone, left);
      // The application's client learns of it by its own commands.
      const store = redisStore(client, { prefix: `${name}:` });
      for (let at = 0; at < 20; at++)
        await vi.waitFor(() => store.head(`account|{${at}}`), sometime);
      await leaves[how](gone);
      await ask(left, "CLUSTER", "FORGET", id);

      const message = { type: "changed", sessionId: "s", generation: 2 } as const;
      await vi.waitFor(async () => {
        // What is still sent to the node that is gone is lost, as any message may be.
        other.post(message);
        expect(await subscribers(left, "tokenkeep:one")).toBe(1);
        expect(heard).toContainEqual(message);
      }, sometime);
      await areThere();
      port.close();
      other.close();
      end();
    },
  );
});
