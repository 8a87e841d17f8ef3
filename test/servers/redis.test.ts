/** The store over a real Redis, by each package. */
import { afterAll, describe } from "vitest";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { redisStore } from "../../src/stores/redis.ts";
import type { TokenStore } from "../../src/types.ts";
import { storeContract } from "../contracts/store.ts";
import { freshPrefix, openClient, PACKAGES, redisUrl } from "./redis.ts";

const url = await redisUrl();
const ring = keyring(`k1:${Buffer.alloc(32, 7).toString("base64")}`);

for (const name of url ? PACKAGES : []) {
  const [one, two] = await Promise.all([openClient(name, url!), openClient(name, url!)]);
  afterAll(() => {
    one.end();
    two.end();
  });
  const prefixOf = new WeakMap<TokenStore, string>();

  function twins(): readonly [TokenStore, TokenStore] {
    const prefix = freshPrefix();
    const store = redisStore(one.client, { prefix });
    prefixOf.set(store, prefix);
    return [store, redisStore(two.client, { prefix })];
  }
  const fresh = (): TokenStore => twins()[0];

  async function stored(store: TokenStore, key: string): Promise<unknown> {
    const at = `${prefixOf.get(store)}${key}`;
    const [head, body] = (await one.send("HMGET", at, "head", "body")) as (string | null)[];
    return head && { ...JSON.parse(head), ...(body && { body: JSON.parse(body) }) };
  }

  describe(`by ${name}`, () => {
    storeContract(`Redis by ${name}`, fresh, { twins, stored });
    storeContract(`encrypted over Redis by ${name}`, () => encrypted(fresh(), ring), {
      twins: () => {
        const [a, b] = twins();
        return [encrypted(a, ring), encrypted(b, ring)];
      },
    });
  });
}
