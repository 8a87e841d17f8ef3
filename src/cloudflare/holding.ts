/** What an object holds: the engine of the one session that is its own, over the object's storage. */
import type { Engine } from "../refresh/contract.ts";
import { systemClock } from "../refresh/clock.ts";
import { createEngine } from "../refresh/engine.ts";
import type { KvNamespace } from "../stores/cloudflare-kv.ts";
import { durableObjectStore, type DurableStorage } from "../stores/durable-object.ts";
import { encrypted, type Keyring } from "../stores/encrypted.ts";
import type { Fetch, Provider, TokenStore, VaultOptions } from "../types.ts";
import type { VaultEvent } from "../vault/vault.ts";
import type { AlarmStorage } from "./alarm.ts";
import { createCache, type TokenCache } from "./cache.ts";
import { createDeed, type DeedBox } from "./deed.ts";
import { exchangeFetch } from "./exchange.ts";
import { objectLock } from "./lock.ts";
import { type Call, check, checkLoopback, keyOf, teller } from "./wire.ts";

/** As much of a Durable Object's `ctx` as is needed. */
export interface ObjectContext {
  /** One among all objects of all classes, for ever: an object is found by nothing else. */
  readonly id: { toString(): string; readonly jurisdiction?: string };
  readonly storage: DurableStorage &
    AlarmStorage & {
      /** Frees the database itself. */
      deleteAll(): Promise<void>;
    };
  waitUntil(promise: Promise<unknown>): void;
}

/** What every object of a class has in common. */
export interface OwnerSettings extends Pick<
  VaultOptions,
  "clock" | "dangerouslyAllowLoopbackHttp" | "patience" | "random"
> {
  readonly fetch?: Fetch | undefined;
  readonly providers: Readonly<Record<string, Provider<never>>>;
  readonly keys: Keyring;
  readonly kv: KvNamespace | undefined;
  /** The same for sessions that stay in a jurisdiction: only one that was named. */
  readonly regionalKv?: KvNamespace | undefined;
  readonly onEvent?: ((event: VaultEvent) => unknown) | undefined;
}

/** The session that this object owns, as long as this instance lives. */
export interface Owned {
  readonly call: Call;
  readonly provider: Provider<never>;
  readonly engine: Engine;
  readonly cache: TokenCache | undefined;
}

export interface Holding {
  readonly deed: DeedBox;
  /** The records as they lie, sealed. */
  readonly inner: TokenStore;
  readonly store: TokenStore;
  /** The session that a Worker asks for; made once. Throws where this object owns another. */
  open(call: Call): Owned;
  /** The session that the deed names, whatever its provider is called by now. */
  reopen(): Owned | undefined;
}

export function createHolding(
  ctx: ObjectContext,
  settings: OwnerSettings,
  onNews: (one: Owned) => void,
): Holding {
  const { providers, keys, clock = systemClock } = settings;
  const hold = (work: Promise<unknown>): void => ctx.waitUntil(work);
  // First, because it says what is wrong with a class that has no such storage.
  const inner = durableObjectStore(ctx.storage, { namespace: ctx.id.toString() });
  const deed = createDeed(ctx.storage.kv, () => clock.now());
  let owned: Owned | undefined;

  const store = encrypted(
    {
      ...inner,
      // In one task with the session, so that no crash comes between it and what its alarm needs.
      write(key, next, expected) {
        if (next?.body !== undefined && owned) deed.claim(owned.call);
        return inner.write(key, next, expected);
      },
    },
    keys,
  );

  function make(call: Call): Owned {
    const { account, key } = call;
    const provider = providerOf(providers, call);
    checkLoopback(provider, settings.dangerouslyAllowLoopbackHttp, "defineTokenVault");
    const isRegional = call.isRegional || ctx.id.jurisdiction !== undefined;
    const kv = isRegional ? settings.regionalKv : settings.kv;
    const tell = teller(settings.onEvent, account, hold);
    const engine = createEngine(
      key,
      {
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
        waitUntil: hold,
      },
      (type, session, status) => {
        tell(type, session, status);
        const isOver = type === "signed-out" && one.cache && session;
        if (isOver && deed.debt()?.sessionId !== session.sessionId) deed.owe(session.sessionId);
        onNews(one);
      },
    );
    const cache = kv && createCache(kv, () => keys, provider as Provider);
    const one: Owned = { call, provider, engine, cache };
    return one;
  }

  function open(call: Call): Owned {
    const known = owned?.call ?? deed.read();
    check(
      !known || known.key === call.key,
      "This object keeps another session: its binding is for TokenVault only",
    );
    owned ??= make(call);
    // The provider was renamed: the deed follows.
    if (known && !Object.hasOwn(providers, known.provider)) deed.claim(call);
    return owned;
  }

  return {
    deed,
    inner,
    store,
    open,
    reopen() {
      const known = deed.read();
      return known && open({ ...known, provider: nameOf(providers, known) });
    },
  };
}

function providerOf(
  providers: OwnerSettings["providers"],
  { provider: name, account, key }: Call,
): Provider<never> {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  check(provider, unknownProvider(name, providers));
  check(
    keyOf(provider, account) === key,
    `Worker and Durable Object define the provider "${name}" differently: give both the same origins and partition, or pass createVault its providers. Where two classes of one Worker have a provider of this name, give each defineTokenVault its binding`,
  );
  return provider;
}

/** What a provider is called that keeps its sessions under this key: names are only names (F96). */
function nameOf(providers: OwnerSettings["providers"], { provider, account, key }: Call): string {
  const isIt = (one: Provider<never> | undefined): boolean => !!one && keyOf(one, account) === key;
  if (Object.hasOwn(providers, provider) && isIt(providers[provider])) return provider;
  return Object.keys(providers).find((name) => isIt(providers[name])) ?? provider;
}

export const unknownProvider = (name: unknown, providers: object): string =>
  `${typeof name === "string" ? `Unknown provider "${name}": add it to` : "provider is a name here, from"} the providers of defineTokenVault, which has ${Object.keys(providers).join(", ") || "none"}`;
