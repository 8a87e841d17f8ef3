/** The channels over real servers, by each package: between two clients, as two processes have them. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { postgresChannel } from "../../src/channels/postgres.ts";
import { redisChannel } from "../../src/channels/redis.ts";
import type { Channel, ChannelPort, PeerMessage } from "../../src/types.ts";
import { openPool, PACKAGES as POOLS } from "./postgres.ts";
import { openClient, PACKAGES as CLIENTS } from "./redis.ts";
import { type Server, startPostgres, startRedis, theServers } from "./own-server.ts";

const message: PeerMessage = { type: "changed", sessionId: "session-1", generation: 2 };
const soon = { timeout: 15_000, interval: 20 };

interface Pair {
  readonly server: Server;
  readonly channels: readonly [Channel, Channel];
}

async function overRedis(name: (typeof CLIENTS)[number]): Promise<Pair> {
  const server = await startRedis();
  const clients = await Promise.all([openClient(name, server.url), openClient(name, server.url)]);
  onTestFinished(async () => {
    for (const client of clients) client.end();
    await server.close();
  });
  return { server, channels: [redisChannel(clients[0].client), redisChannel(clients[1].client)] };
}

async function overPostgres(name: (typeof POOLS)[number]): Promise<Pair> {
  const server = await startPostgres();
  const pools = [openPool(name, server.url), openPool(name, server.url)] as const;
  onTestFinished(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await server.close();
  });
  return { server, channels: [postgresChannel(pools[0].client), postgresChannel(pools[1].client)] };
}

const kinds: readonly (readonly [string, () => Promise<Pair>])[] = [
  ...(theServers().redis ? CLIENTS : []).map((name) => [name, () => overRedis(name)] as const),
  ...(theServers().postgres ? POOLS : []).map((name) => [name, () => overPostgres(name)] as const),
];

describe.each(kinds)("a channel by %s", (_, make) => {
  it("tells the others, says whether messages arrive, and lives through a restart of the server [F30 F45]", async () => {
    const { server, channels } = await make();
    const heard: unknown[] = [];
    const names = ["vmcloud|https%3A%2F%2Fapi|ü", "another"];
    const mine = names.map((name) => channels[0].open(name, () => {}));
    const theirs = names.map((name) => channels[1].open(name, (said) => heard.push([name, said])));
    const ports: readonly ChannelPort[] = [...mine, ...theirs];
    const isThere = async (there: boolean): Promise<void> => {
      await vi.waitFor(
        () => expect(ports.map((port) => port.isConnected!())).toEqual(ports.map(() => there)),
        soon,
      );
    };
    await isThere(true);

    mine[0]!.post(message);
    await vi.waitFor(() => expect(heard).toEqual([[names[0], message]]), soon);

    await server.kill();
    mine[0]!.post({ ...message, type: "ask" });
    theirs[0]!.post({ ...message, type: "ask" });
    await vi.waitFor(
      () => expect([mine[0]!.isConnected!(), theirs[0]!.isConnected!()]).toEqual([false, false]),
      soon,
    );
    await server.start();
    await isThere(true);
    heard.length = 0;
    mine[1]!.post(message);
    await vi.waitFor(() => expect(heard).toEqual([[names[1], message]]), soon);

    for (const port of ports) port.close();
    heard.length = 0;
    const again = channels[1].open(names[0]!, (said) => heard.push(said));
    const other = channels[0].open(names[0]!, () => {});
    await vi.waitFor(
      () => expect([again.isConnected!(), other.isConnected!()]).toEqual([true, true]),
      soon,
    );
    other.post(message);
    await vi.waitFor(() => expect(heard).toEqual([message]), soon);
    again.close();
    other.close();
  });
});

describe.each(kinds)(
  "a channel by %s whose port is closed and opened again in one go",
  (_, make) => {
    it("hears, beside another port of the same connection [F30 P4]", async () => {
      const { channels } = await make();
      const heard: unknown[] = [];
      const kept = channels[1].open("kept", () => {});
      const sender = channels[0].open("again", () => {});
      let port = channels[1].open("again", () => {});
      const areThere = (): Promise<void> =>
        vi.waitFor(
          () =>
            expect([kept, sender, port].map((one) => one.isConnected!())).toEqual([
              true,
              true,
              true,
            ]),
          soon,
        );
      await areThere();
      port.close();
      port = channels[1].open("again", (said) => heard.push(said));
      await areThere();
      sender.post(message);
      await vi.waitFor(() => expect(heard).toEqual([message]), soon);
      for (const one of [kept, sender, port]) one.close();
    });
  },
);

it("anything but a client or a pool is told at once", () => {
  for (const odd of [undefined, null, {}, Promise.resolve({}), "redis://127.0.0.1"]) {
    expect(() => redisChannel(odd as never)).toThrow(/createClient\(\)/);
    expect(() => postgresChannel(odd as never)).toThrow(/new Pool\(\)/);
  }
});
