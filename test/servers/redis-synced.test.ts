/**
 * Where Redis answers before it is on disk, a write waits by WAITAOF, which came with 7.2: Debian's Redis is older.
 * So a stand-in says that it is 7.2 and answers WAITAOF, in front of a real one that does the rest.
 */
import { Redis as Io, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { headOf, record } from "../contracts/store.ts";
import { freshPrefix } from "./redis.ts";
import { type Server, startRedis, theServers } from "./server.ts";

/** What the connections were asked for, in order: `"own"` is one that the store has opened for itself. */
let log: string[] = [];
/** What WAITAOF answers: how many disks have it. */
let local: (asked: number) => number = () => 1;
/** How often it was asked. */
let asked = 0;
/** Lets an answer of WAITAOF wait. */
let held: Promise<void> | undefined;

/** The part of a client that is used, over a real one. */
function newer(client: Io, whose = "shared"): RedisClient {
  async function call(name = "", ...rest: string[]): Promise<unknown> {
    log.push(`${whose} ${name}`);
    if (name === "WAITAOF") {
      asked += 1;
      const answer = local(asked);
      await held;
      return [answer, 0];
    }
    const reply = await client.call(name, ...rest);
    return name === "INFO"
      ? String(reply).replace(/redis_version:[^\r]*/, "redis_version:7.2.0")
      : reply;
  }
  const made = {
    get status() {
      return client.status;
    },
    call,
    connect: () => client.connect(),
    on: (event: string, listener: () => void) => client.on(event, listener),
    disconnect: () => client.disconnect(),
    duplicate: (overrides: object) => newer(client.duplicate(overrides as RedisOptions), "own"),
  };
  return made;
}

describe.runIf(theServers().redis)("a Redis that is on disk a second later", () => {
  let server: Server;
  let real: Io;
  let client: RedisClient;
  beforeAll(async () => {
    server = await startRedis(["--appendfsync", "everysec"]);
    real = new Io(server.url);
    client = newer(real);
  });
  afterAll(async () => {
    real.disconnect();
    await server.close();
  });
  beforeEach(() => {
    log = [];
    asked = 0;
    local = () => 1;
    held = undefined;
  });

  it("a write and its wait go on one connection that has nothing else to do", async () => {
    const store = redisStore(client, { prefix: freshPrefix() });
    expect(await store.write("a", record(), undefined)).toBe(true);
    expect(await store.read("a")).toEqual(record());
    const own = log.filter((line) => line.startsWith("own"));
    expect(own.at(-1)).toBe("own WAITAOF");
    expect(own).not.toContain("own INFO");
    expect(log.at(-1)).toMatch(/^shared EVAL/);
    expect(log).not.toContain("shared WAITAOF");
  });

  it("a disk that has not got it is no success, and the next try finds what is its own [P20]", async () => {
    const store = redisStore(client, { prefix: freshPrefix() });
    local = () => 0;
    await expect(store.write("a", record(), undefined)).rejects.toMatchObject({
      code: "store_unavailable",
      message: "Cannot use the store: Redis does not get to its disk. Try again: nothing is lost.",
    });
    // It may be there, and the rejection says that nobody knows.
    expect(await store.read("a")).toEqual(record());
    local = () => 1;
    expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
  });

  it("writes that come meanwhile wait together, and each gets its own answer [P3]", async () => {
    const store = redisStore(client, { prefix: freshPrefix() });
    await store.write("a", record(), undefined);
    asked = 0;
    let go!: () => void;
    held = new Promise((resolve) => (go = resolve));
    const first = store.write("a", record({ revision: 2 }), headOf(record()));
    while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
    const more = Promise.all([
      store.write("b", record(), undefined),
      store.write("a", record({ revision: 2 }), headOf(record())),
      store.write("c", record(), undefined),
    ]);
    await store.head("a");
    go();
    held = undefined;
    expect([await first, await more]).toEqual([true, [true, false, true]]);
    expect(asked).toBe(2);
  });

  it("in a cluster there is no such connection, and the setting is named", async () => {
    const cluster = Object.assign(newer(real), { isCluster: true, nodes: () => [client] });
    await expect(redisStore(cluster).read("a")).rejects.toThrow(/Set appendfsync always/);
  });
});
