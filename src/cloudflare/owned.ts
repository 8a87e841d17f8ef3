/** The session that an object owns: its engine, over the object's storage. An object owns one, for ever. */
import { own, says } from "../guard/json.ts";
import type { Engine } from "../refresh/contract.ts";
import { systemClock } from "../refresh/clock.ts";
import { createEngine } from "../refresh/engine.ts";
import type { KvNamespace } from "../stores/cloudflare-kv.ts";
import { encrypted, type Keyring } from "../stores/encrypted.ts";
import type { Fetch, Provider, TokenStore, VaultOptions } from "../types.ts";
import type { VaultEvent } from "../vault/vault.ts";
import { createCache, type TokenCache } from "./cache.ts";
import { exchangeFetch } from "./exchange.ts";
import { objectLock } from "./lock.ts";
import { checkLoopback, demand, unknownProvider } from "./set-up.ts";
import type { ObjectContext, Shelf } from "./shelf.ts";
import { keyOf, type SessionName, teller } from "./wire.ts";

/** Common to all objects of a class. */
export interface OwnerSettings extends Pick<
  VaultOptions,
  "clock" | "dangerouslyAllowLoopbackHttp" | "patience" | "random"
> {
  readonly fetch?: Fetch | undefined;
  readonly providers: Readonly<Record<string, Provider>>;
  readonly keys: Keyring;
  readonly kv: KvNamespace | undefined;
  /** The KV binding for sessions that stay in a jurisdiction: absent unless the options name one. */
  readonly regionalKv?: KvNamespace | undefined;
  readonly onEvent?: ((event: VaultEvent) => unknown) | undefined;
}

/** The session that this object owns, as long as this instance lives. */
export interface Owned {
  readonly name: SessionName;
  readonly provider: Provider;
  readonly engine: Engine;
  /** The records, opened. */
  readonly store: TokenStore;
  readonly cache: TokenCache | undefined;
  /** Calls back after each change, and never before `openOwned` has returned. */
  listen(listener: () => void): void;
}

/** A store that notes whose session it is, with the session itself. */
const claiming = (name: SessionName, { deed, sealed }: Shelf): TokenStore => ({
  ...sealed,
  // Both are written in one task, so that no crash comes between a session and the deed that its alarm reads.
  write(key, next, expected) {
    if (next?.body !== undefined) deed.claim(name);
    return sealed.write(key, next, expected);
  },
});

export function openOwned(
  ctx: ObjectContext,
  settings: OwnerSettings,
  { name, shelf }: { readonly name: SessionName; readonly shelf: Shelf },
): Owned {
  const { keys, clock = systemClock } = settings;
  const { deed } = shelf;
  const provider = providerOf(settings.providers, name);
  checkLoopback(provider, settings.dangerouslyAllowLoopbackHttp, "defineTokenVault");
  const waitUntil = (work: Promise<unknown>): void => ctx.waitUntil(work);
  const tell = teller(settings.onEvent, name.account, waitUntil);
  const listeners = new Set<() => void>();

  const isRegional =
    name.isRegional || (says(ctx.id, "jurisdiction") && ctx.id.jurisdiction !== undefined);
  const kv = isRegional ? settings.regionalKv : settings.kv;
  const cache = kv && createCache(kv, () => keys);

  const store = encrypted(claiming(name, shelf), keys);
  const engine = createEngine(
    name.key,
    own({
      provider,
      store,
      clock,
      lock: objectLock(),
      // The storage is at hand, so that a look costs next to nothing. A longer timer would keep the
      // object from rest, and its owner pays for that.
      maxStaleness: 50,
      ...(settings.random && { random: settings.random }),
      ...(settings.patience !== undefined && { patience: settings.patience }),
      fetch: exchangeFetch(settings.fetch),
      dangerouslyAllowLoopbackHttp: settings.dangerouslyAllowLoopbackHttp === true,
      waitUntil,
    }),
    (type, session, status) => {
      const { sessionId, generation } = own({ ...session });
      if (type) tell({ type, sessionId, generation, status });
      // A sign-out that KV has to hear of.
      const isOwed = type === "signed-out" && cache && deed.debt()?.sessionId !== sessionId;
      if (isOwed && sessionId !== undefined) deed.owe(name, sessionId);
      for (const listener of listeners) listener();
    },
  );
  return { name, provider, engine, store, cache, listen: (listener) => listeners.add(listener) };
}

function providerOf(
  providers: OwnerSettings["providers"],
  { provider: name, account, key }: SessionName,
): Provider {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  demand(provider, ...unknownProvider(name, providers));
  demand(
    keyOf(provider, account) === key,
    `Worker and Durable Object define the provider "${name}" differently`,
    `Give both the same origins and partition, or pass createVault its providers. Where two classes of one Worker have a provider of this name, give each defineTokenVault its binding`,
  );
  return provider;
}

/** Finds a session's provider by the session's key, because a provider may have been renamed (F96). */
export function renamed(session: SessionName, providers: OwnerSettings["providers"]): SessionName {
  const { provider, account, key } = session;
  const isIt = (one: Provider | undefined): boolean => !!one && keyOf(one, account) === key;
  if (Object.hasOwn(providers, provider) && isIt(providers[provider])) return session;
  const found = Object.keys(providers).find((name) => isIt(providers[name]));
  return found === undefined ? session : { ...session, provider: found };
}
