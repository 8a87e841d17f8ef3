/** A Worker's vault whose object is what a test says, without KV and with nothing remembered yet. */
import { createMemory } from "../../src/cloudflare/memory.ts";
import { type CloudflareVault, createProxy, type ProxyParts } from "../../src/cloudflare/proxy.ts";
import { keyOf, type Owner } from "../../src/cloudflare/wire.ts";
import { createPolicy } from "../../src/request/policy.ts";
import { presentationOf } from "../../src/request/presentation.ts";
import type { Provider } from "../../src/types.ts";

/** `more` takes the place of what a test does not ask about. */
export function proxyTo<Credentials = unknown>(
  owner: () => Owner,
  provider: Provider<never>,
  more: Partial<ProxyParts> = {},
): CloudflareVault<Credentials> {
  return createProxy<Credentials>({
    session: { provider: provider.name, account: "a", key: keyOf(provider, "a") },
    provider,
    policy: createPolicy(provider, false),
    presentation: presentationOf(provider),
    memory: createMemory(),
    owner,
    hash: async () => "hash",
    objectId: () => "object",
    cache: undefined,
    waitUntil: (work) => void work.catch(() => {}),
    patience: 20_000,
    maxStaleness: 60_000,
    ...more,
  });
}
