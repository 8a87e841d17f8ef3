/** What a Redis says of itself, as its clients hand that on: the right thing is named, or asked for again. */
import { expect, it } from "vitest";
import { redisStore } from "../../../../src/stores/redis.ts";

const INFO = "role:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nredis_version:";
const refused = (): never => {
  throw new Error("NOPERM this user has no permissions to run the 'config|get' command");
};
const says = (message: string): unknown =>
  expect.objectContaining({
    code: "store_unavailable",
    message: expect.stringContaining(message) as string,
  });

/** The answers of a server to `INFO` and `CONFIG GET`; its scripts find nothing. */
interface Server {
  readonly info?: unknown;
  config?(): unknown;
}

const sendTo =
  ({ info = `${INFO}7.2.4\r\n`, config = () => ["appendfsync", "always"] }: Server) =>
  async (name: string): Promise<unknown> => {
    if (name === "INFO") return info;
    return name === "CONFIG" ? config() : ["master", null, null];
  };

function overIo(server: Server) {
  const client = { status: "ready", on() {}, call: sendTo(server) };
  return redisStore(client as never, { timeout: 1000 });
}

function overCluster(server: Server) {
  const call = sendTo(server);
  const client = { status: "ready", isCluster: true, on() {}, call, nodes: () => [{ call }] };
  return redisStore(client as never, { timeout: 1000 });
}

/** As `createClientPool()` of `redis`, which opens no connection for the store. */
function overPool(server: Server) {
  const send = sendTo(server);
  const client = { isOpen: true, on() {}, sendCommand: ([name = ""]: string[]) => send(name) };
  return redisStore(client as never, { timeout: 1000 });
}

it.each([
  ["denied", refused],
  ["empty", () => []],
])(
  "a cluster whose settings are %s is told to show them, and not to change them [P16]",
  async (_, config) => {
    await expect(overCluster({ config }).read("a")).rejects.toEqual(
      says("Redis hides appendfsync. Allow CONFIG GET to this user"),
    );
  },
);

it("an answer that was lost on its way hides nothing: it is asked for again [P16]", async () => {
  let asked = 0;
  const config = (): unknown => {
    asked += 1;
    if (asked === 1) throw new Error("read ECONNRESET");
    return ["appendfsync", "always"];
  };
  expect(await overCluster({ config }).read("a")).toBeUndefined();
  expect(asked).toBe(2);
});

it("a pool, by which no write can wait for the disk, is refused by the first look, and the setting is named [P20]", async () => {
  const config = (): unknown => ["appendfsync", "everysec"];
  await expect(overPool({ config }).head("start")).rejects.toEqual(says("Set appendfsync always"));
  expect(await overPool({}).head("start")).toBeUndefined();
});

it("a client inside a transaction of the application is no replica, also at the first look [P16]", async () => {
  await expect(overIo({ info: "QUEUED" }).read("a")).rejects.toEqual(
    says("the client is inside a transaction"),
  );
});
