/**
 * Where Redis answers before it is on disk, a write waits by WAITAOF, which came with 7.2. Debian's Redis is older: there
 * a stand-in answers it, in front of a real one that does the rest; a Redis of 7.2 or newer is asked itself.
 */
import { Redis as Io } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { headOf, record } from "../contracts/store.ts";
import { freshPrefix, isYoung, type Opened, openClient, PACKAGES } from "./redis.ts";
import { type Server, startRedis, theServers } from "./own-server.ts";
import { openYounger, type Younger } from "./redis-stand-in.ts";

const SILENT = expect.objectContaining({
  code: "store_unavailable",
  message: "Cannot use the store: Redis does not answer. Try again: nothing is lost.",
}) as object;

/** What nobody waits for in vain for long, and a busy machine keeps. */
const TIMEOUT = 2000;
const soon = { timeout: 15_000, interval: 10 };

describe.runIf(theServers().redis).each(PACKAGES)(
  "a Redis that is on disk a second later, by %s",
  (name) => {
    let server: Server;
    let younger: Younger;
    let opened: Opened;
    let client: RedisClient;
    beforeAll(async () => {
      // The stand-in answers for a younger one, too.
      const hidden = isYoung() ? ["--rename-command", "WAITAOF", ""] : [];
      server = await startRedis(["--appendfsync", "everysec", ...hidden]);
    });
    beforeEach(async () => {
      younger = await openYounger(server);
      opened = await openClient(name, younger.url);
      younger.settle();
      ({ client } = opened);
    });
    afterEach(async () => {
      opened.end();
      await younger.close();
    });
    afterAll(() => server.close());

    const waits = (): number => younger.log.filter((line) => line.endsWith("WAITAOF")).length;
    /** A write that stands before Redis' disk, and how to let it through. */
    async function hold(write: () => Promise<unknown>): Promise<() => void> {
      const before = waits();
      let go!: () => void;
      younger.held = new Promise((resolve) => (go = resolve));
      void write();
      await vi.waitFor(() => expect(waits()).toBeGreaterThan(before), soon);
      return () => {
        younger.held = undefined;
        go();
      };
    }

    it("a write and its wait go on one connection that has nothing else to do", async () => {
      const store = redisStore(client, { prefix: freshPrefix() });
      expect(await store.write("a", record(), undefined)).toBe(true);
      expect(await store.read("a")).toEqual(record());
      const own = younger.log.filter((line) => line.startsWith("own EVAL") || /WAITAOF/.test(line));
      expect(own.at(-1)).toBe("own WAITAOF");
      expect(own[0]).toMatch(/^own EVAL/);
      expect(younger.log.at(-1)).toMatch(/^shared EVAL/);
    });

    it("a timeout without end is a long one: the disk is waited for [F15]", async () => {
      const store = redisStore(client, { prefix: freshPrefix(), timeout: Infinity });
      const one = record({ revision: 1 });
      let written: Promise<boolean> | undefined;
      const release = await hold(() => (written = store.write("k", one, undefined)));
      // Long enough for a timer that fires at once.
      expect(await store.read("other")).toBeUndefined();
      release();
      expect(await written).toBe(true);
    });

    it("a disk that has not got it is no success, and the next try finds what is its own [P20]", async () => {
      const store = redisStore(client, { prefix: freshPrefix() });
      younger.local = 0;
      await expect(store.write("a", record(), undefined)).rejects.toMatchObject({
        code: "store_unavailable",
        message:
          "Cannot use the store: Redis does not get to its disk. Try again: nothing is lost.",
      });
      // It may be there, and the rejection says that nobody knows.
      expect(await store.read("a")).toEqual(record());
      younger.local = 1;
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
    });

    it("writes that come meanwhile wait together, and each gets its own answer [P3]", async () => {
      const store = redisStore(client, { prefix: freshPrefix() });
      await store.write("a", record(), undefined);
      const before = waits();
      let first: unknown;
      const go = await hold(async () => {
        first = await store.write("a", record({ revision: 2 }), headOf(record()));
      });
      const more = Promise.all([
        store.write("b", record(), undefined),
        store.write("a", record({ revision: 2 }), headOf(record())),
        store.write("c", record(), undefined),
      ]);
      await store.head("a");
      go();
      expect(await more).toEqual([true, false, true]);
      expect(first).toBe(true);
      expect(waits() - before).toBe(2);
    });

    it("a connection of its own that is lost is made anew, and the write that it had is told apart [P20]", async () => {
      const store = redisStore(client, { prefix: freshPrefix() });
      await store.write("a", record(), undefined);
      const kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
      for (const revision of [1, 2, 3]) {
        await opened.send(...kill);
        const next = record({ revision: revision + 1 });
        expect(await store.write("a", next, headOf(record({ revision })))).toBe(true);
      }
      expect((await store.read("a"))?.revision).toBe(4);
    });

    it("a connection of its own that falls silent is given up, and the next write has another [P10 P16 F59]", async () => {
      const store = redisStore(client, { prefix: freshPrefix(), timeout: TIMEOUT });
      expect(await store.write("a", record(), undefined)).toBe(true);
      younger.isDead = true;
      younger.isDead = false;
      const next = record({ revision: 2 });
      await expect(store.write("a", next, headOf(record()))).rejects.toEqual(SILENT);
      expect(await store.write("a", next, headOf(record()))).toBe(true);
    });

    it("so is one that falls silent before it is open [P10 P16 F59]", async () => {
      const store = redisStore(client, { prefix: freshPrefix(), timeout: TIMEOUT });
      younger.isDead = true;
      await expect(store.write("a", record(), undefined)).rejects.toEqual(SILENT);
      younger.isDead = false;
      expect(await store.write("a", record(), undefined)).toBe(true);
    });

    it("a write that has waited in vain does not begin any more: its caller was told that it failed [P16]", async () => {
      // The last write has no more time than the others, and Redis may have to wait for a busy disk.
      const store = redisStore(client, { prefix: freshPrefix(), timeout: 2 * TIMEOUT });
      await store.write("a", record(), undefined);
      const before = waits();
      let tries: readonly Promise<unknown>[] = [];
      // In one task, so that the second one's time is over before the first one's connection is given up.
      const go = await hold(() => {
        tries = [
          store.write("a", record({ revision: 2 }), headOf(record())),
          store.write("b", record(), undefined),
        ];
        return Promise.allSettled(tries);
      });
      const refused = { status: "rejected", reason: SILENT };
      expect(await Promise.allSettled(tries)).toEqual([refused, refused]);
      go();
      expect(await store.write("c", record(), undefined)).toBe(true);
      expect(await store.read("b")).toBeUndefined();
      // Nor is the disk asked for it.
      expect(waits() - before).toBe(2);
    });

    it.runIf(name === "ioredis")(
      "in a cluster there is no such connection, and the setting is named",
      async () => {
        const cluster = {
          status: "ready",
          isCluster: true,
          nodes: () => [client],
          call: (...command: [string]) => (client as Io).call(...command),
        };
        await expect(redisStore(cluster).read("a")).rejects.toThrow(/Set appendfsync always/);
      },
    );
  },
);

describe.runIf(isYoung()).each(PACKAGES)("a real Redis from 7.2 on, by %s", (name) => {
  it.each([
    ["--appendfsync", "everysec"],
    ["--no-appendfsync-on-rewrite", "yes"],
  ])("%s %s: what was acknowledged outlives a crash [P20 F22]", async (...setting) => {
    const server = await startRedis(setting);
    try {
      const one = await openClient(name, server.url);
      const store = redisStore(one.client, { prefix: "a:" });
      expect(await store.write("a", record(), undefined)).toBe(true);
      expect(await store.write("a", record({ revision: 2 }), headOf(record()))).toBe(true);
      one.end();
      await server.kill();
      await server.start();
      const two = await openClient(name, server.url);
      expect((await redisStore(two.client, { prefix: "a:" }).read("a"))?.revision).toBe(2);
      two.end();
    } finally {
      await server.close();
    }
  });
});
