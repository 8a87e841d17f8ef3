/** Writes that wait for Redis' disk, on a connection of their own. */
import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { redisStore } from "../../../../src/stores/redis.ts";
import { record } from "../../../contracts/store.ts";

const INFO =
  "role:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nredis_version:7.2.4\r\n";

/** A Redis with several databases, which is on disk a second later. */
class Server {
  /** By database and key: a record's clear part. */
  readonly heads = new Map<string, string>();
  isReplica = false;

  answer(db: number, [name, ...values]: readonly string[]): unknown {
    const role = this.isReplica ? "slave" : "master";
    if (name === "INFO") return INFO;
    if (name === "CONFIG") return ["appendfsync", "everysec"];
    if (name === "CLIENT") return `id=3 addr=127.0.0.1:1 db=${db} user=default`;
    if (name === "WAITAOF") {
      if (this.isReplica) throw new Error("ERR WAITAOF cannot be used with replica instances.");
      return [1, 0];
    }
    const [, , key, ...rest] = values;
    const at = `${db} ${key}`;
    if (rest.length === 1) return [role, this.heads.get(at) ?? null, null];
    if (!this.isReplica) this.heads.set(at, rest[3] ?? "");
    return [role, this.isReplica ? "0" : "1", null];
  }
}

/** As a client of `ioredis`. */
class Client extends EventEmitter {
  status = "ready";
  #db = 0;
  readonly #server: Server;
  constructor(server: Server) {
    super();
    this.#server = server;
  }
  async call(...command: readonly string[]): Promise<unknown> {
    if (command[0] !== "SELECT") return this.#server.answer(this.#db, command);
    this.#db = Number(command[1]);
    return "OK";
  }
  duplicate(): Client {
    return new Client(this.#server);
  }
  async connect(): Promise<void> {}
  disconnect(): void {}
}

it("a write goes to the database that the application has selected, where it is read [P19 P20]", async () => {
  const server = new Server();
  const client = new Client(server);
  await client.call("SELECT", "2");
  const store = redisStore(client as never);
  expect(await store.write("a", record(), undefined)).toBe(true);
  expect([...server.heads.keys()]).toEqual(["2 tokenkeep:a"]);
  expect(await store.head("a")).toMatchObject({ sessionId: record().sessionId });
});

it("a write that a replica does not take is told as that, and not as the disk's refusal [P16]", async () => {
  const server = new Server();
  const store = redisStore(new Client(server) as never);
  await store.write("a", record(), undefined);
  server.isReplica = true;
  const replica = expect.stringContaining("this Redis is a replica") as unknown;
  await expect(store.write("b", record(), undefined)).rejects.toMatchObject({ message: replica });
});
