import { createVault } from "tokenkeep";
import { simplismart } from "tokenkeep/providers/simplismart";
import { cloudflareKvStore, type KvNamespace } from "tokenkeep/stores/cloudflare-kv";
import { encrypted, keyring } from "tokenkeep/stores/encrypted";

export function open(env: { readonly TOKENS: KvNamespace }, key: CryptoKey) {
  const store = encrypted(cloudflareKvStore(env.TOKENS), keyring({ "key-1": key }));
  return createVault({ provider: simplismart(), store });
}
