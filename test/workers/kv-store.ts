/** Stores over the one KV namespace of the tests, each as if it were alone there. */
import { env } from "cloudflare:workers";
import { type CloudflareKvOptions, cloudflareKvStore } from "../../src/stores/cloudflare-kv.ts";
import { type Keyring, keyring } from "../../src/stores/encrypted.ts";
import type { TokenStore } from "../../src/types.ts";

let count = 0;

/** With the name that a key really has in the namespace. */
export function kvStore(
  options?: CloudflareKvOptions,
): TokenStore & { nameOf(key: string): string } {
  const own = `${++count}/`;
  const nameOf = (name: string): string => own + name;
  const kv = env.TOKEN_CACHE;
  const store = cloudflareKvStore(
    {
      getWithMetadata: (name, given) => kv.getWithMetadata(nameOf(name), given),
      put: (name, value, given) => kv.put(nameOf(name), value, given),
      delete: (name) => kv.delete(nameOf(name)),
      async list({ prefix, ...given }) {
        const { keys, ...page } = await kv.list({ prefix: nameOf(prefix), ...given });
        return { ...page, keys: keys.map(({ name }) => ({ name: name.slice(own.length) })) };
      },
    },
    options,
  );
  return { ...store, nameOf: (key) => nameOf((options?.prefix ?? "tokenkeep:") + key) };
}

export async function ring(): Promise<Keyring> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  return keyring({ k1: key });
}

/** What lies in KV, behind the store's back: a clear part, and a text. */
export async function storedInKv(store: TokenStore, key: string): Promise<unknown> {
  const { nameOf } = store as ReturnType<typeof kvStore>;
  const found = await env.TOKEN_CACHE.getWithMetadata(nameOf(key), { type: "text" });
  return { ...Object(found.metadata), body: JSON.parse(found.value ?? "") };
}
