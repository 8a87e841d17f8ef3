/** A Redis that is not what the store needs: typed errors that name the setting, and nothing is lost. */
import { readFileSync } from "node:fs";
import { Redis as Io } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { redisChannel } from "../../src/channels/redis.ts";
import { createVault } from "../../src/index.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { headOf, record } from "../contracts/store.ts";
import { acme, fakeApi } from "../support/fake-api.ts";
import { COMMIT, type Door, openDoor } from "./tcp-proxy.ts";
import { freshPrefix, isYoung, type Opened, openClient, PACKAGES } from "./redis.ts";
import { expectRefusal, says } from "./damaged-records.ts";
import { type Server, startRedis, theServers } from "./own-server.ts";

const OTHERWISE =
  "For tokens that do not rotate pass durable: false; dangerouslyAssumeDurable if your host loses nothing.";
const NO_ANSWER = "Cannot use the store: Redis does not answer. Try again: nothing is lost.";

describe.runIf(theServers().redis)("a Redis that does not do", () => {
  let server: Server;
  let door: Door;
  let admin: Opened;
  const opened: Opened[] = [];
  const open = async (name: (typeof PACKAGES)[number], url = server.url): Promise<Opened> => {
    const client = await openClient(name, url);
    opened.push(client);
    return client;
  };
  const config = (...settings: string[]): Promise<unknown> =>
    admin.send("CONFIG", "SET", ...settings);
  beforeAll(async () => {
    server = await startRedis();
    door = await openDoor(server);
  });
  beforeEach(async () => {
    admin = await open("redis");
  });
  afterEach(() => {
    for (const client of opened.splice(0)) client.end();
  });
  afterAll(async () => {
    await door.close();
    await server.close();
  });

  it.each([
    [
      ["appendfsync", "no", "always"],
      `Redis leaves its disk to the system: appendfsync is no. Set appendfsync always. ${OTHERWISE}`,
    ],
    [
      ["maxmemory-policy", "allkeys-lru", "noeviction"],
      `Redis may evict sessions: maxmemory-policy is allkeys-lru. Set maxmemory-policy noeviction. ${OTHERWISE}`,
    ],
    // From 7.2 on these two are waited for: `redis-synced.test.ts`.
    ...(isYoung()
      ? []
      : ([
          [
            ["appendfsync", "everysec", "always"],
            `Redis answers before it is on disk: appendfsync is not always. Set appendfsync always. ${OTHERWISE}`,
          ],
          [
            ["no-appendfsync-on-rewrite", "yes", "no"],
            `Redis answers before it is on disk while it rewrites its log: no-appendfsync-on-rewrite is yes. Set no-appendfsync-on-rewrite no. ${OTHERWISE}`,
          ],
        ] as const)),
    [
      ["appendonly", "no", "yes"],
      `Redis forgets in a crash: appendonly is no. Set appendonly yes and appendfsync always. ${OTHERWISE}`,
    ],
  ] as const)(
    "%s: the setting is named, and nobody is signed out",
    async ([name, bad, good], why) => {
      await config(name, bad);
      for (const client of await Promise.all(PACKAGES.map((pack) => open(pack)))) {
        const prefix = freshPrefix();
        const store = redisStore(client.client, { prefix });
        await expect(store.read("a")).rejects.toEqual(says(`Cannot use the store: ${why}`));
        await expect(store.write("a", record(), undefined)).rejects.toEqual(
          says(`Cannot use the store: ${why}`),
        );
        const vault = createVault({ provider: acme(), fetch: fakeApi().fetch, store });
        await expect(vault.getToken()).rejects.toThrow(why);
        expect(vault.snapshot().status).toBe("unavailable");
        vault.close();
        // For what may be lost it does, and createVault refuses it for tokens that rotate.
        const cache = redisStore(client.client, { prefix, durable: false });
        expect(cache.atomic).toBe(false);
        expect(await cache.write("a", record(), undefined)).toBe(true);
        expect(() => createVault({ provider: acme({ rotation: "strict" }), store: cache })).toThrow(
          /atomic where tokens rotate/,
        );
        const trusting = redisStore(client.client, { prefix, dangerouslyAssumeDurable: true });
        expect(trusting.atomic).toBe(true);
        expect(await trusting.read("a")).toEqual(record());
      }
      await config(name, good);
      const [client] = opened;
      expect(await redisStore(client!.client).read("a")).toBeUndefined();
    },
  );

  it("what a host hides is asked for, by name", async () => {
    await admin.send("ACL", "SETUSER", "guest", "on", ">secret", "~*", "+@all", "-config");
    const url = server.url.replace("//", "//guest:secret@");
    for (const name of PACKAGES) {
      const store = redisStore((await open(name, url)).client);
      await admin.send("ACL", "SETUSER", "guest", "-config");
      await expect(store.read("a")).rejects.toEqual(
        says(
          `Cannot use the store: Redis hides appendfsync. Allow CONFIG GET to this user. ${OTHERWISE}`,
        ),
      );
      await admin.send("ACL", "SETUSER", "guest", "+config|get");
      expect(await store.read("a")).toBeUndefined();
      await admin.send("ACL", "SETUSER", "guest", "-info");
      const other = redisStore((await open(name, url)).client);
      await expect(other.read("a")).rejects.toThrow(
        "Redis hides its settings. Allow INFO to this user",
      );
      const { client } = await open(name, url);
      const trusting = redisStore(client, { dangerouslyAssumeDurable: true });
      expect(await trusting.read("a")).toBeUndefined();
      await admin.send("ACL", "SETUSER", "guest", "+info", "-evalsha", "-eval");
      await expect(store.read("a")).rejects.toThrow("this user may not run scripts on these keys");
      await admin.send("ACL", "SETUSER", "guest", "+@all");
    }
  });

  it("the documentation's user may do all that store and channel need, and nothing else", async () => {
    const page = readFileSync(new URL("../../docs/stores-servers.md", import.meta.url), "utf8");
    const [, command = ""] = /^(ACL SETUSER app .*)$/m.exec(page) ?? [];
    await admin.send(...command.split(" "));
    for (const name of PACKAGES) {
      const { client } = await open(name, server.url.replace("//", "//app:secret@"));
      const store = redisStore(client);
      await store.write(name, record(), undefined);
      expect(await store.write(name, record({ revision: 2 }), headOf(record()))).toBe(true);
      expect((await store.read(name))?.revision).toBe(2);
      expect(await store.list(name)).toEqual([name]);
      const port = redisChannel(client).open("one", () => {});
      await vi.waitFor(() => expect(port.isConnected!()).toBe(true), { timeout: 15_000 });
      port.close();
      await expect(redisStore(client, { prefix: "other:" }).read("a")).rejects.toThrow(
        "may not run",
      );
      expect(await store.write(name, undefined, headOf(record({ revision: 2 })))).toBe(true);
    }
  });

  it("a replica: to read from, to write to, and where it takes writes", async () => {
    const prefix = freshPrefix();
    for (const name of PACKAGES) {
      const { client } = await open(name);
      const store = redisStore(client, { prefix });
      const trusting = redisStore(client, { prefix, dangerouslyAssumeDurable: true });
      expect(await store.read("a")).toBeUndefined();
      await admin.send("REPLICAOF", "127.0.0.1", "1");
      const replica = says(
        "Cannot use the store: this Redis is a replica. Connect to the primary.",
      );
      for (const way of [store, trusting]) {
        await expect(way.read("a")).rejects.toEqual(replica);
        await expect(way.write("a", record(), undefined)).rejects.toEqual(replica);
      }
      await config("replica-read-only", "no");
      await expect(trusting.write("a", record(), undefined)).rejects.toEqual(replica);
      await config("replica-read-only", "yes");
      await admin.send("REPLICAOF", "NO", "ONE");
      expect(await store.read("a")).toBeUndefined();
    }
  });

  it("full: no new session, and those that are there are written on [P20]", async () => {
    const prefix = freshPrefix();
    for (const name of PACKAGES) {
      const store = redisStore((await open(name)).client, { prefix });
      await store.write(name, record(), undefined);
      await config("maxmemory", "1");
      await expect(store.write("b", record(), undefined)).rejects.toEqual(
        says("Cannot use the store: Redis is full. Raise maxmemory: nothing is lost."),
      );
      expect(await store.write(name, record({ revision: 2 }), headOf(record()))).toBe(true);
      expect((await store.read(name))?.revision).toBe(2);
      await config("maxmemory", "0");
      expect(await store.read("b")).toBeUndefined();
    }
  });

  it("a client that is closed, not connected, or has no server", async () => {
    const [one, two] = await Promise.all(PACKAGES.map((name) => open(name)));
    one!.end();
    two!.end();
    await expect(redisStore(one!.client).read("a")).rejects.toEqual(
      says("Cannot use the store: the Redis client is closed. Call await client.connect() first."),
    );
    await expect(redisStore(two!.client).read("a")).rejects.toEqual(
      says("Cannot use the store: the Redis client is closed. Make a new one."),
    );
    const cold = createClient({ url: server.url }) as unknown as RedisClient;
    await expect(redisStore(cold).read("a")).rejects.toThrow("Call await client.connect() first");
    // ioredis connects by itself.
    const lazy = new Io(server.url, { lazyConnect: true });
    expect(await redisStore(lazy).read("a")).toBeUndefined();
    lazy.disconnect();
    const lost = new Io("redis://127.0.0.1:1");
    lost.on("error", () => {});
    await expect(redisStore(lost, { timeout: 200 }).read("a")).rejects.toEqual(says(NO_ANSWER));
    lost.disconnect();
  });

  it("what is no client is told at once", () => {
    for (const odd of [undefined, null, {}, "redis://", Promise.resolve({})])
      expect(() => redisStore(odd as never)).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringContaining("Pass createClient() or createCluster() of redis"),
        }),
      );
  });

  it.each([
    ["MOVED 1 127.0.0.1:1", "this Redis is a node of a cluster. Pass createCluster(), or new"],
    ["CLUSTERDOWN Hash slot not served", "the Redis cluster is down. Check its nodes"],
    ["LOADING Redis is loading", "Redis is still loading its data. Try again"],
    ["ERR unknown command", "Redis refuses. Try again: nothing is lost"],
    ["Connection is closed.", "Redis does not answer. Try again: nothing is lost"],
  ])(
    "an answer of %s is told, also where it was tried again until the deadline [P10 P16]",
    async (answer, why) => {
      const client = { status: "ready", call: () => Promise.reject(new Error(answer)) };
      const store = redisStore(client, { timeout: 200, dangerouslyAssumeDurable: true });
      await expect(store.read("a")).rejects.toThrow(why);
      await expect(store.write("a", record(), undefined)).rejects.toThrow(why);
    },
  );

  it("a client inside a transaction of the application is refused", async () => {
    const { client } = await open("ioredis");
    const store = redisStore(client);
    await store.read("a");
    await (client as Io).call("MULTI");
    await expect(store.read("a")).rejects.toThrow("the client is inside a transaction");
    await (client as Io).call("DISCARD");
    expect(await store.read("a")).toBeUndefined();
  });

  it.each(PACKAGES)(
    "by %s: a record that is damaged or of another format is left untouched [S10]",
    async (name) => {
      const client = await open(name);
      const prefix = freshPrefix();
      const store = redisStore(client.client, { prefix });
      const odd = [
        "",
        "{",
        "null",
        "7",
        "[]",
        "{}",
        JSON.stringify({ ...headOf(record()), format: 2 }),
        `"${"x".repeat(200_000)}"`,
      ];
      for (const head of odd) {
        await admin.send("HSET", `${prefix}a`, "head", head, "body", "{", "write", "w");
        await expectRefusal(store, head);
        expect(await admin.send("HGET", `${prefix}a`, "head")).toBe(head);
      }
      await admin.send("HSET", `${prefix}a`, "head", JSON.stringify(headOf(record())));
      // A body that is no JSON counts as absent.
      expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
      // Nor is one parsed that is longer than any session, or written.
      await admin.send("HSET", `${prefix}a`, "body", `"${"x".repeat(200_000)}"`);
      expect({ ...(await store.read("a")) }).toEqual(headOf(record()));
      await expect(
        store.write("c", record({ body: "x".repeat(200_000) }), undefined),
      ).rejects.toThrow("the session exceeds 64 KiB");
      // What is no record's is neither listed nor overwritten.
      await admin.send("SET", `${prefix}b`, "text");
      expect(await store.list("")).toEqual(["a"]);
      const taken = says(
        "Cannot use the store: a record's key is another one's. Choose another prefix.",
      );
      await expect(store.read("b")).rejects.toEqual(taken);
      await expect(store.write("b", record(), undefined)).rejects.toEqual(taken);
    },
  );

  it.each(PACKAGES)(
    "by %s: a record has no end, and an end that somebody sets is gone with the next write",
    async (name) => {
      const prefix = freshPrefix();
      const store = redisStore((await open(name)).client, { prefix });
      await store.write("a", record(), undefined);
      expect(await admin.send("TTL", `${prefix}a`)).toBe(-1);
      await admin.send("EXPIRE", `${prefix}a`, "1000");
      await store.write("a", record({ revision: 2 }), headOf(record()));
      expect(await admin.send("TTL", `${prefix}a`)).toBe(-1);
    },
  );

  it.each(PACKAGES)("by %s: scripts that Redis has forgotten are sent anew", async (name) => {
    const store = redisStore((await open(name)).client, { prefix: freshPrefix() });
    await store.write("a", record(), undefined);
    await admin.send("SCRIPT", "FLUSH");
    expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
    await admin.send("SCRIPT", "FLUSH");
    expect((await store.head("a"))?.revision).toBe(2);
  });

  it.each(PACKAGES)(
    "by %s: an answer that is lost on its way back is told apart [P20]",
    async (name) => {
      const store = redisStore((await open(name, door.url)).client, { prefix: freshPrefix() });
      // Redis knows the script, so that no lost answer is a "no such script".
      await store.write("b", record(), undefined);
      const cut = door.cutAfter(COMMIT);
      expect(await store.write("a", record(), undefined)).toBe(true);
      await cut;
      expect(await store.read("a")).toEqual(record());
      const again = door.cutAfter(COMMIT);
      expect(await store.write("a", record(), undefined)).toBe(false);
      await again;
    },
  );

  // By `redis` alone: ioredis sends the delete again by itself, and then nobody knows of a first one.
  it("a delete whose answer is lost is done [P3]", async () => {
    const store = redisStore((await open("redis", door.url)).client, { prefix: freshPrefix() });
    // Redis knows the script, so that no lost answer is a "no such script".
    await store.write("a", record(), undefined);
    const cut = door.cutAfter(/session-1/);
    expect(await store.write("a", undefined, headOf(record()))).toBe(true);
    await cut;
    expect(await store.read("a")).toBeUndefined();
    expect(await store.write("a", undefined, headOf(record()))).toBe(false);
  });

  it.each(PACKAGES)("by %s: what was acknowledged outlives a crash [F22]", async (name) => {
    const prefix = freshPrefix();
    const store = redisStore((await open(name)).client, { prefix });
    await store.write("a", record(), undefined);
    expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
    await server.kill();
    await server.start();
    expect((await redisStore((await open(name)).client, { prefix }).read("a"))?.revision).toBe(2);
    // The client has come back by itself, too.
    expect((await store.head("a"))?.revision).toBe(2);
  });

  it("a prefix of ioredis' own is part of the place, and lists its own keys only [S11 S20]", async () => {
    const plain = new Io(server.url);
    const prefixed = new Io(server.url, { keyPrefix: "app*:" });
    const [one, two] = [redisStore(plain), redisStore(prefixed)];
    expect(two.namespace).toBe("app*:tokenkeep:");
    await one.write("a", record(), undefined);
    await two.write("b", record(), undefined);
    expect(await one.list("")).toEqual(["a"]);
    expect(await two.list("")).toEqual(["b"]);
    expect(await redisStore(plain, { prefix: "app*:tokenkeep:" }).read("b")).toEqual(record());
    plain.disconnect();
    prefixed.disconnect();
  });
});
