/** A store inside a Durable Object, called from a test outside of it. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import type { TokenStore } from "../../src/types.ts";

let count = 0;

const stored = new Map<string, (key: string) => Promise<unknown>>();
/** What lies in the storage, behind the store's back. */
export const storedIn = ({ namespace = "" }: TokenStore, key: string): unknown =>
  stored.get(namespace)?.(key);

/** Two stores on the storage of one new object. */
export function objectStores(): readonly [TokenStore, TokenStore] {
  const stub = env.TOKEN_VAULT.get(env.TOKEN_VAULT.idFromName(`store-${++count}`));
  const inside = <T>(task: (store: TokenStore) => Promise<T>): Promise<T> =>
    runInDurableObject(stub, (_, { storage }) => task(durableObjectStore(storage)));
  stored.set(String(stub.id), (key) =>
    runInDurableObject(stub, (_, { storage }) => storage.kv.get("tokenkeep:" + key)),
  );
  const make = (): TokenStore => ({
    atomic: true,
    shared: "context",
    namespace: String(stub.id),
    scope: () => inside(async (store) => store.scope?.()),
    head: (key) => inside((store) => store.head(key)),
    read: (key) => inside((store) => store.read(key)),
    write: (...change) => inside((store) => store.write(...change)),
    list: (prefix) => inside((store) => store.list(prefix)),
  });
  return [make(), make()];
}
