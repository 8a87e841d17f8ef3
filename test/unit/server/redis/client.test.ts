/** Clients of both packages, as they stand or answer now and then. */
import { expect, it } from "vitest";
import { redisStore } from "../../../../src/stores/redis.ts";

const INFO = "role:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nredis_version:7.0\r\n";

/** As `redis` gives a verbatim text to an application that wants to know its format. */
class VerbatimString extends String {}

it("a text that knows its format is a text: no primary is taken for a replica [P16]", async () => {
  const client = {
    isOpen: true,
    on() {},
    async sendCommand([name]: readonly string[]) {
      if (name === "INFO") return new VerbatimString(INFO);
      return name === "CONFIG" ? ["appendfsync", "always"] : ["master", null, null];
    },
  };
  const store = redisStore(client as never, { timeout: 1000 });
  expect(await store.read("a")).toBeUndefined();
});

it("a cluster that knows no node yet is waited for: it has proved nothing, and has not an empty list [P16 P20]", async () => {
  const asked: (string | undefined)[] = [];
  const node = {
    async sendCommand([name]: readonly string[]) {
      asked.push(name);
      if (name === "INFO") return INFO;
      return name === "SCAN" ? ["0", ["tokenkeep:a"]] : ["appendfsync", "always"];
    },
  };
  const masters: object[] = [];
  const client = { isOpen: true, masters, nodeClient: () => node, on() {}, sendCommand() {} };
  const store = redisStore(client as never, { timeout: 5000 });
  const listing = store.list("");
  // As long as the cluster is looking for its nodes.
  await new Promise((resolve) => setImmediate(resolve));
  masters.push({});
  expect(await listing).toEqual(["a"]);
  expect(asked).toEqual(["INFO", "CONFIG", "SCAN"]);
});
