/** A store inside a Durable Object, called from a test outside of it. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import type { TokenStore } from "../../src/types.ts";

let count = 0;

/** Two stores on the storage of one new object. */
export function objectStores(): readonly [TokenStore, TokenStore] {
  const stub = env.TOKEN_VAULT.get(env.TOKEN_VAULT.idFromName(`store-${++count}`));
  const inside = <T>(task: (store: TokenStore) => Promise<T>): Promise<T> =>
    runInDurableObject(stub, (_, { storage }) => task(durableObjectStore(storage)));
  const make = (): TokenStore => ({
    atomic: true,
    shared: "context",
    head: (key) => inside((store) => store.head(key)),
    read: (key) => inside((store) => store.read(key)),
    write: (...change) => inside((store) => store.write(...change)),
    list: (prefix) => inside((store) => store.list(prefix)),
  });
  return [make(), make()];
}
