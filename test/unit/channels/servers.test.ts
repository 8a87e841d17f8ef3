/** Channels over servers that are away: what is opened is one, and ends with the last port. */
import { EventEmitter } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { postgresChannel } from "../../../src/channels/postgres.ts";
import { redisChannel } from "../../../src/channels/redis.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { pgClients } from "../../support/pg-clients.ts";

/** As `ioredis` while Redis is away: the first `connect` rejects, and it goes on trying by itself. */
class Away extends EventEmitter {
  readonly status = "reconnecting";
  readonly options = {};
  readonly made: Away[] = [];
  isEnded = false;
  readonly names: string[] = [];

  call = async (): Promise<never> => Promise.reject(new Error("ECONNREFUSED"));
  connect = async (): Promise<void> => Promise.reject(new Error("ECONNREFUSED"));
  duplicate(): Away {
    const one = new Away();
    this.made.push(one);
    return one;
  }
  async subscribe(name: string): Promise<void> {
    this.names.push(name);
  }
  async unsubscribe(): Promise<void> {}
  disconnect(): void {
    this.isEnded = true;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a channel over Redis that is away", () => {
  it("opens one connection for all its ports, which ends with the last of them [P21 F30]", async () => {
    const client = new Away();
    const channel = redisChannel(client as never);
    const ports = [];
    for (const name of ["a", "b", "c", "d", "e"]) {
      ports.push(channel.open(name, () => {}));
      await turn();
    }
    expect(client.made).toHaveLength(1);
    for (const port of ports) port.close();
    expect(client.made.map(({ isEnded }) => isEnded)).toEqual([true]);
  });

  it("hears all of them when Redis is there, and is opened anew for a later port [F30]", async () => {
    const client = new Away();
    const channel = redisChannel(client as never);
    const ports = ["a", "b"].map((name) => channel.open(name, () => {}));
    await turn();
    client.made[0]?.emit("ready");
    // The first is the trial's.
    const trial = expect.stringMatching(/^tokenkeep:trial\|/) as string;
    expect(client.made[0]?.names).toEqual([trial, "tokenkeep:a", "tokenkeep:b"]);
    for (const port of ports) port.close();
    channel.open("c", () => {}).close();
    await turn();
    expect(client.made.map(({ isEnded }) => isEnded)).toEqual([true, true]);
  });
});

it("a connection whose last port was closed before it was made is ended [P21]", async () => {
  const own = Object.assign(new EventEmitter(), {
    isOpen: false,
    connect: async () => void (own.isOpen = true),
    destroy: () => void (own.isOpen = false),
  });
  let find = (_: object): void => {};
  const client = Object.assign(new EventEmitter(), {
    isOpen: true,
    sendCommand: async () => "PONG",
    masters: [{}],
    nodeClient: () => new Promise((resolve) => (find = resolve)),
  });
  redisChannel(client as never)
    .open("a", () => {})
    .close();
  find({ duplicate: () => own });
  await turn();
  expect(own.isOpen).toBe(false);
});

/** As a pool of `pg` whose clients cannot be made: a certificate is being replaced. */
function poolWithout(makes: () => boolean) {
  const { Client, clients } = pgClients(makes);
  const pool = {
    Client,
    options: {},
    totalCount: 0,
    connect() {},
    query: async () => ({ rows: [] }),
  };
  return { pool: pool as never, clients };
}

it("a channel over Postgres lives through a client that cannot be made [F30]", async () => {
  vi.useFakeTimers();
  try {
    let canMake = false;
    const { pool, clients } = poolWithout(() => canMake);
    const port = postgresChannel(pool).open("a", () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(clients).toHaveLength(0);
    canMake = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(clients).toHaveLength(1);
    port.close();
  } finally {
    vi.useRealTimers();
  }
});

it("a store over Postgres tries again where a dead connection says EPIPE [P16]", async () => {
  let calls = 0;
  const pool = {
    totalCount: 0,
    connect() {},
    async query() {
      calls += 1;
      if (calls === 1) throw Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
      return { rows: [["false", null, null]] };
    },
  };
  const store = postgresStore(pool as never, { dangerouslyAssumeDurable: true });
  expect(await store.read("a")).toBeUndefined();
  expect(calls).toBe(2);
});
