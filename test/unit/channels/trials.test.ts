/** A channel over a server tries each connection once, for however many ports there are. */
import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { postgresChannel } from "../../../src/channels/postgres.ts";
import { redisChannel } from "../../../src/channels/redis.ts";
import type { Channel, ChannelPort, PeerMessage } from "../../../src/types.ts";
import { pgClients } from "../../support/pg-clients.ts";

const message: PeerMessage = { type: "changed", sessionId: "session-1", generation: 2 };

/** A server that hands messages on, as one package shows it. */
interface Stage {
  readonly channel: Channel;
  /** How many messages the server was asked to hand on. */
  published(): number;
  /** The connection that listens is lost; `restore` brings the next one. */
  lose(): void;
  restore(): Promise<void>;
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Until nothing is under way any more: nothing here takes longer than some turns. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await soon();
}

/** As a pool of `pg`. */
function overPg(): Stage {
  const { Client, clients } = pgClients();
  let published = 0;
  const pool = {
    Client,
    options: {},
    totalCount: 0,
    connect() {},
    async query({ values: [channel, payload] }: { values: readonly string[] }) {
      published += 1;
      clients.at(-1)?.emit("notification", { channel, payload });
      return { rows: [] };
    },
  };
  return {
    channel: postgresChannel(pool as never),
    published: () => published,
    lose: () => void clients.at(-1)?.emit("end"),
    async restore() {
      const before = clients.length;
      while (clients.length === before) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

/** As `postgres()`, which tells each connection, and no loss. */
function overPostgresJs(): Stage {
  let published = 0;
  let told = { heard: (_: string): void => {}, opened: (): void => {} };
  const sql = Object.assign(() => {}, {
    begin() {},
    unsafe: (_: string, [, payload = ""]: readonly string[]) => ({
      async values() {
        published += 1;
        told.heard(payload);
        return [];
      },
    }),
    async listen(_: string, heard: (payload: string) => void, opened: () => void) {
      told = { heard, opened };
      await undefined;
      opened();
    },
  });
  return {
    channel: postgresChannel(sql as never),
    published: () => published,
    lose() {},
    restore: async () => told.opened(),
  };
}

/** As `new Redis()` of `ioredis`. */
function overIoRedis(): Stage {
  let published = 0;
  let own: EventEmitter | undefined;
  const names = new Set<string>();
  const client = Object.assign(new EventEmitter(), {
    status: "ready",
    options: {},
    async call(command: string, name: string, text: string) {
      if (command === "PUBLISH") published += 1;
      if (names.has(name)) own?.emit("message", name, text);
    },
    duplicate() {
      const made = Object.assign(new EventEmitter(), {
        connect: () => soon().then(() => void made.emit("ready")),
        subscribe: async (name: string) => void names.add(name),
        unsubscribe: async (name: string) => void names.delete(name),
        disconnect: () => names.clear(),
      });
      own = made;
      return made;
    },
  });
  return {
    channel: redisChannel(client as never),
    published: () => published,
    lose() {
      names.clear();
      own?.emit("close");
    },
    restore: async () => void own?.emit("ready"),
  };
}

const stages = { pg: overPg, postgres: overPostgresJs, ioredis: overIoRedis } as const;

const connected = (ports: readonly ChannelPort[]): number =>
  ports.filter((port) => port.isConnected!()).length;

describe.each(Object.entries(stages))("a channel over %s", (_, make) => {
  const openAll = ({ channel }: Stage): readonly ChannelPort[] =>
    Array.from({ length: 100 }, (__, number) => channel.open(`account-${number}`, () => {}));

  it("tries a connection once for a hundred ports, and the next one once more [F45]", async () => {
    const stage = make();
    const ports = openAll(stage);
    await settle();
    expect(stage.published()).toBe(1);
    expect(connected(ports)).toBe(100);
    stage.lose();
    await stage.restore();
    await settle();
    expect(stage.published()).toBe(2);
    expect(connected(ports)).toBe(100);
    expect(stage.published()).toBe(2);
  });

  it("sends nothing for a port that joins a connection that was tried [F45]", async () => {
    const stage = make();
    const ports = openAll(stage);
    await settle();
    const late = [stage.channel.open("late", () => {}), stage.channel.open("account-1", () => {})];
    await settle();
    expect(connected([...ports, ...late])).toBe(102);
    expect(stage.published()).toBe(1);
  });

  it("forgets what it said before the connection was lost: nothing is sent again [F45]", async () => {
    const stage = make();
    const ports = openAll(stage);
    await settle();
    stage.lose();
    for (const port of ports) port.post(message);
    await stage.restore();
    await settle();
    expect(connected(ports)).toBe(100);
    expect(stage.published()).toBe(102);
  });

  it("tries anew when the last port was closed and another is opened [F45 P21]", async () => {
    const stage = make();
    for (const port of openAll(stage)) {
      port.close();
      port.close();
    }
    await settle();
    const before = stage.published();
    const port = stage.channel.open("again", () => {});
    await settle();
    expect(connected([port])).toBe(1);
    expect(stage.published() - before).toBe(1);
    port.close();
  });
});

it("channels over one client share its trial, for each prefix one [F45]", async () => {
  const published: string[] = [];
  const own = Object.assign(new EventEmitter(), {
    connect: () => soon().then(() => void own.emit("ready")),
    subscribe: async () => {},
    unsubscribe: async () => {},
    disconnect() {},
  });
  const client = Object.assign(new EventEmitter(), {
    status: "ready",
    options: {},
    call: async (_: string, name: string) => void published.push(name),
    duplicate: () => own,
  });
  for (const prefix of ["one:", "one:", "two:", "two:"])
    redisChannel(client as never, { prefix }).open("account", () => {});
  await settle();
  // A user may be allowed the names of the prefix alone.
  expect(published.map((name) => name.slice(0, 4)).toSorted()).toEqual(["one:", "two:"]);
});

it("a port is not connected before Redis has confirmed its name, though the connection was tried [F45]", async () => {
  let confirm = (): void => {};
  const own = Object.assign(new EventEmitter(), {
    connect: () => soon().then(() => void own.emit("ready")),
    subscribe: (name: string) =>
      name === "tokenkeep:slow" ? new Promise<void>((resolve) => (confirm = resolve)) : undefined,
    unsubscribe: async () => {},
    disconnect() {},
  });
  const client = Object.assign(new EventEmitter(), {
    status: "ready",
    options: {},
    call: async (_: string, name: string, text: string) => void own.emit("message", name, text),
    duplicate: () => own,
  });
  const channel = redisChannel(client as never);
  const port = channel.open("quick", () => {});
  await settle();
  const slow = [channel.open("slow", () => {}), channel.open("slow", () => {})];
  await settle();
  expect([connected([port]), connected(slow)]).toEqual([1, 0]);
  confirm();
  await settle();
  expect(connected(slow)).toBe(2);
});
