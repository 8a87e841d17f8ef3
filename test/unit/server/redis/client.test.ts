/** Clients of both packages, as they stand or answer now and then. */
import { expect, it } from "vitest";
import { redisStore } from "../../../../src/stores/redis.ts";

/** As `redis` gives a verbatim text to an application that wants to know its format. */
class VerbatimString extends String {}

it("a text that knows its format is a text: no primary is taken for a replica [P16]", async () => {
  const info =
    "role:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nredis_version:7.0\r\n";
  const client = {
    isOpen: true,
    on() {},
    async sendCommand([name]: readonly string[]) {
      if (name === "INFO") return new VerbatimString(info);
      return name === "CONFIG" ? ["appendfsync", "always"] : ["master", null, null];
    },
  };
  const store = redisStore(client as never, { timeout: 1000 });
  expect(await store.read("a")).toBeUndefined();
});
