/**
 * A Redis that refuses the login. The clients try again and again by themselves and let commands wait, so that
 * nobody hears of it but by an event.
 */
import { Cluster, Redis as Io } from "ioredis";
import { createClient, createClientPool } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { says } from "./damaged-records.ts";
import { type Server, startRedis, theServers } from "./own-server.ts";
import { type Opened, openClient } from "./redis.ts";

const WRONG = says("Cannot use the store: Redis refused the login. Check user and password.");
const MISSING = says("Cannot use the store: Redis wants a login. Pass a password to the client.");

/** What is not told at once is never told. */
const NEVER = { timeout: 1e9 };

describe.runIf(theServers().redis)("a Redis that refuses the login", () => {
  let server: Server;
  let admin: Opened;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await startRedis(["--requirepass", "right"]);
    admin = await openClient("ioredis", at("default:right"));
    await admin.send("ACL", "SETUSER", "guest", "on", ">first", "~*", "+@all");
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
    vi.restoreAllMocks();
  });
  afterAll(async () => {
    admin.end();
    await server.close();
  });

  const at = (login: string): string => server.url.replace("//", login ? `//${login}@` : "//");

  /** They connect by themselves, and nobody waits for that: some never settle. */
  const clients = {
    redis(login: string): RedisClient {
      const client = createClient({ url: at(login) }).on("error", () => {});
      client.connect().catch(() => {});
      ends.push(() => client.destroy());
      return client;
    },
    ioredis(login: string): RedisClient {
      const client = new Io(at(login)).on("error", () => {});
      ends.push(() => client.disconnect());
      return client;
    },
    "ioredis, in a cluster": (login: string): RedisClient => {
      const [, password = ""] = login.split(":");
      const node = { host: "127.0.0.1", port: server.port };
      const client = new Cluster([node], { redisOptions: { password } }).on("error", () => {});
      ends.push(() => client.disconnect());
      return client;
    },
  } as const;
  type Kind = keyof typeof clients;
  const ALL = Object.keys(clients) as Kind[];

  it.each(ALL)("by %s: a wrong password and a missing one are told at once [P10]", async (kind) => {
    await expect(redisStore(clients[kind]("default:wrong"), NEVER).read("a")).rejects.toEqual(
      WRONG,
    );
    await expect(redisStore(clients[kind](""), NEVER).read("a")).rejects.toEqual(MISSING);
  });

  it.each(["redis", "ioredis"] as const)(
    "by %s: a password that is changed is told at once, and all is well when it is right again [P10 P16]",
    async (kind) => {
      await admin.send("ACL", "SETUSER", kind, "on", ">first", "~*", "+@all");
      const client = clients[kind](`${kind}:first`);
      const heard: unknown[] = [];
      (client as Io).on("error", (error) => heard.push(error));
      const store = redisStore(client, NEVER);
      expect(await store.read("a")).toBeUndefined();
      await admin.send("ACL", "SETUSER", kind, "<first", ">second");
      await admin.send("CLIENT", "KILL", "USER", kind);
      // A command that is under way when the connection ends would be told at its deadline.
      await vi.waitFor(() => expect(heard.join()).toContain("WRONGPASS"), 30_000);
      await expect(store.read("a")).rejects.toEqual(WRONG);
      await admin.send("ACL", "SETUSER", kind, "<second", ">first");
      await vi.waitFor(async () => expect(await store.read("a")).toBeUndefined(), 30_000);
    },
  );

  it("by ioredis without a listener: it is told, and the client's own word of it is still said [P10]", async () => {
    const said = vi.spyOn(console, "error").mockReturnValue();
    const client = new Io(at("default:wrong"));
    ends.push(() => client.disconnect());
    await expect(redisStore(client, NEVER).read("a")).rejects.toEqual(WRONG);
    expect(said).toHaveBeenCalledWith("[ioredis] Unhandled error event:", expect.anything());
  });

  it("by a pool of redis: what its clients were told is told at the deadline, and not once it is used [P10]", async () => {
    const pool = createClientPool({ url: at("guest:wrong") }).on("error", () => {});
    pool.connect().catch(() => {});
    ends.push(() => pool.destroy());
    const store = redisStore(pool, { timeout: 500 });
    await expect(store.read("a")).rejects.toEqual(WRONG);
    await admin.send("ACL", "SETUSER", "guest", ">wrong");
    await vi.waitFor(async () => expect(await store.read("a")).toBeUndefined(), 30_000);
    await admin.send("ACL", "SETUSER", "guest", "<wrong");
    server.pause();
    await expect(store.read("a")).rejects.toThrow("Redis does not answer");
    server.resume();
  });

  it("a user without rights is told, by each client [P10]", async () => {
    await admin.send("ACL", "SETUSER", "poor", "on", ">poor", "~*", "+get", "+@connection");
    for (const kind of ["redis", "ioredis"] as const) {
      const client = clients[kind]("poor:poor");
      await expect(redisStore(client, NEVER).read("a")).rejects.toThrow("Allow INFO to this user");
      const trusting = { ...NEVER, dangerouslyAssumeDurable: true };
      await expect(redisStore(client, trusting).read("a")).rejects.toThrow(
        "this user may not run scripts on these keys. Allow EVALSHA, EVAL, SCAN, INFO and the keys",
      );
    }
  });
});
