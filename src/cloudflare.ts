// An import cannot bring a declaration of a module in.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./cloudflare/workers.d.ts" />
/**
 * The vault for Cloudflare Workers: a Durable Object owns each session, Workers get access tokens
 * from it, and KV, where there is one, carries them sealed to the edge.
 *
 * @example
 * ```ts
 * import { createVault, defineTokenVault, type VaultContext } from "tokenkeep/cloudflare";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * export const TokenVault = defineTokenVault({ providers: { vmcloud: vmcloud() } });
 *
 * export default {
 *   async fetch(request: Request, env: object, ctx: VaultContext): Promise<Response> {
 *     const vault = createVault({ provider: "vmcloud", account: "acme", env, ctx });
 *     return vault.fetch("https://api.vmcloud.com/v1/vms");
 *   },
 * };
 * ```
 *
 * @module
 */
import { DurableObject } from "cloudflare:workers";
import { createCache, type TokenCache } from "./cloudflare/cache.ts";
import { type KeysOption, readKeys } from "./cloudflare/keys.ts";
import { createMemory, type Memory } from "./cloudflare/memory.ts";
import {
  brokenOwner,
  createOwner,
  type ObjectContext,
  type ObjectOwner,
  unknownProvider,
} from "./cloudflare/owner.ts";
import { type CloudflareVault, createProxy } from "./cloudflare/proxy.ts";
import { check, hashOf, isAccount, keyOf, type Owner } from "./cloudflare/wire.ts";
import { createPolicy, type Policy } from "./request/policy.ts";
import type { KvNamespace } from "./stores/cloudflare-kv.ts";
import type { Keyring } from "./stores/encrypted.ts";
import type { Provider, VaultOptions } from "./types.ts";
import type { VaultEvent } from "./vault/vault.ts";

type Providers = Readonly<Record<string, Provider<never>>>;

/** What both sides take. */
interface SharedOptions {
  /** The KV binding that carries sealed access tokens to the edge; `"TOKEN_CACHE"` by default, none where it is missing. */
  readonly cache?: string;
  /** Allows `http://localhost` and other loopback hosts, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
  /**
   * Called with what happens, for logs and metrics: in the object, and in a Worker for `retried`, a
   * request that is sent again after its 401. It holds no secret. That of `defineTokenVault` serves
   * both; `createVault` needs one of its own only where the class is another Worker's.
   */
  readonly onEvent?: (event: VaultEvent) => void;
}

export interface TokenVaultOptions<Env = never>
  extends SharedOptions, Pick<VaultOptions, "clock" | "fetch" | "patience" | "random"> {
  /** The APIs, by the name that `createVault` takes; a function where they hang on `env`. */
  readonly providers: Providers | ((env: Env) => Providers);
  /**
   * The keys that seal sessions: one or more of `<id>:<32 random bytes in base64>`, with commas between
   * and the newest last. A name without a colon is that of a secret in `env`, or of a Secrets Store
   * binding; `"TOKENKEEP_KEYS"` by default. A function gives either, or a promise of it.
   */
  readonly keys?: KeysOption<Env>;
}

/** As much of a Worker's `ctx` as is needed. */
export interface VaultContext {
  waitUntil(promise: Promise<unknown>): void;
}

export interface CloudflareVaultOptions extends SharedOptions {
  /** A name from the `providers` of `defineTokenVault`. */
  readonly provider: string;
  /** Keeps several accounts apart; `"default"` by default. Not a secret, and 256 characters at most. */
  readonly account?: string;
  /** The Worker's `env`. */
  readonly env: object;
  /** The Worker's `ctx`. */
  readonly ctx: VaultContext;
  /** The Durable Object binding; `"TOKEN_VAULT"` by default. */
  readonly binding?: string;
  /** As in `defineTokenVault`, whose they are by default; needed only where the class is another Worker's. */
  readonly providers?: Providers;
  /** As in `defineTokenVault`, whose they are by default; needed only where the class is another Worker's. */
  readonly keys?: KeysOption;
  /** How long a caller waits for a token; 20,000 ms by default. */
  readonly patience?: number;
  /** How long a token is served from memory without asking again; 60,000 ms by default. */
  readonly maxStaleness?: number;
  /** Sends the requests to the API; the global one by default. */
  readonly fetch?: typeof fetch;
  /** The system's by default. */
  readonly clock?: VaultOptions["clock"];
}

/** The class of the object, to be exported by the Worker and bound. */
export interface TokenVaultClass {
  new (ctx: ObjectContext, env: never): TokenVaultObject;
}

export interface TokenVaultObject extends Owner {
  readonly __DURABLE_OBJECT_BRAND: never;
  alarm(): Promise<void>;
}

const BINDING = "TOKEN_VAULT";
const CACHE = "TOKEN_CACHE";

/** The classes that this isolate has defined, so that `createVault` finds its provider by name. */
const defined: TokenVaultOptions[] = [];

/** What one `env` and one class give, made once and used by every request. */
interface Shared {
  readonly providers: Providers;
  /** Read when they are first asked for, so that a malformed one is told then. */
  ring(): Keyring;
  readonly onEvent: SharedOptions["onEvent"];
  readonly policies: Map<Provider<never>, Policy>;
  readonly caches: Map<Provider<never>, TokenCache>;
}

/** An isolate may see more than one `env`: what belongs to one is never used for another. */
const made = new WeakMap<object, Map<object, Shared>>();
const memories = new WeakMap<object, Map<string, Memory>>();

/**
 * Makes the Durable Object class that owns sessions. Export it from the Worker, bind it as
 * `TOKEN_VAULT`, and list it in `new_sqlite_classes`. One object owns one session: it alone holds the
 * refresh token, sealed, and refreshes it, by its alarm even when nobody calls.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong. What is wrong with `env`, a
 * key say, is what every call of the vault rejects with.
 */
export function defineTokenVault<Env = never>(options: TokenVaultOptions<Env>): TokenVaultClass {
  const given = options as TokenVaultOptions;
  const { providers } = given;
  check(providers, "defineTokenVault needs providers");
  if (typeof providers === "object") checkProviders(providers);
  defined.push(given);

  return class TokenVault extends DurableObject implements TokenVaultObject {
    #owner: ObjectOwner;
    constructor(ctx: ObjectContext, env: never) {
      super(ctx as never, env);
      try {
        this.#owner = createOwner(ctx, {
          ...given,
          providers: providersOf(given, env),
          keys: readKeys(given.keys, env),
          kv: kvOf(given, env),
        });
      } catch (error) {
        this.#owner = brokenOwner(ctx, error);
      }
    }
    token(...question: Parameters<Owner["token"]>): ReturnType<Owner["token"]> {
      return this.#owner.token(...question);
    }
    signIn(...question: Parameters<Owner["signIn"]>): ReturnType<Owner["signIn"]> {
      return this.#owner.signIn(...question);
    }
    adopt(...question: Parameters<Owner["adopt"]>): ReturnType<Owner["adopt"]> {
      return this.#owner.adopt(...question);
    }
    signOut(...question: Parameters<Owner["signOut"]>): ReturnType<Owner["signOut"]> {
      return this.#owner.signOut(...question);
    }
    state(...question: Parameters<Owner["state"]>): ReturnType<Owner["state"]> {
      return this.#owner.state(...question);
    }
    alarm(): Promise<void> {
      return this.#owner.alarm();
    }
  };
}

/**
 * Makes a vault for one account, for the time of a request: it costs next to nothing. The isolate's
 * memory stands behind it, then KV, then the object.
 *
 * @throws VaultError `invalid_option` when an option, a binding or a key is missing or wrong; the
 * message says what to add where.
 */
export function createVault<Credentials = unknown>(
  options: CloudflareVaultOptions,
): CloudflareVault<Credentials> {
  const { provider: name, env, ctx, binding = BINDING } = options;
  // A tenant that is looked up and is not there must not meet others in the default's session (S11).
  const { account } = { account: "default", ...options };
  check(
    env && ctx?.waitUntil,
    "Pass env and ctx, the second and third argument of the Worker's fetch",
  );
  check(isAccount(account), "account must be of 1 to 256 characters");
  const namespace = (env as Record<string, unknown>)[binding] as Namespace | undefined;
  check(
    namespace?.idFromName,
    `${binding} is no Durable Object binding: in wrangler.jsonc add { "name": "${binding}", "class_name": "TokenVault" } to "durable_objects": { "bindings": [] }, and { "tag": "v1", "new_sqlite_classes": ["TokenVault"] } to "migrations"`,
  );
  const { providers, ring, policies, caches, onEvent } = sharedOf(options, !!kvOf(options, env));
  check(Object.hasOwn(providers, name), unknownProvider(name, providers));
  const provider = providers[name]!;
  const loopback = options.dangerouslyAllowLoopbackHttp;
  const policy = once(policies, provider, () => createPolicy(provider, loopback));
  const kv = kvOf(options, env);
  const cache = kv && once(caches, provider, () => createCache(kv, ring, provider as Provider));
  const memory = once(
    once(memories, env, () => new Map()),
    binding,
    createMemory,
  );

  const key = keyOf(provider, account);
  return createProxy<Credentials>({
    call: { provider: name, account, key },
    provider,
    policy,
    memory,
    cache,
    hash: () => hashOf(key),
    objectId: (hash) => String(namespace.idFromName(hash)),
    owner: (hash) => namespace.get(namespace.idFromName(hash)) as Owner,
    waitUntil: (promise) => ctx.waitUntil(promise),
    fetch: options.fetch,
    clock: options.clock,
    patience: options.patience ?? 20_000,
    maxStaleness: options.maxStaleness ?? 60_000,
    onEvent: options.onEvent ?? onEvent,
  });
}

interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown): unknown;
}

/** A map's value, made where it is missing. */
function once<Key extends object | string, Value>(
  map: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  make: () => Value,
): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** What belongs to the class that has such a provider; the one defined last, as after a reload. */
function sharedOf(options: CloudflareVaultOptions, hasCache: boolean): Shared {
  const { provider: name, env, providers: given } = options;
  const known = once(made, env, () => new Map<object, Shared>());
  if (given) {
    const shared = once(known, given, () => share(env, given, options.keys));
    if (hasCache) shared.ring();
    return shared;
  }
  const all = defined.map((one) =>
    once(known, one, () => share(env, providersOf(one, env), one.keys, one.onEvent)),
  );
  const shared = all.findLast(({ providers }) => Object.hasOwn(providers, name)) ?? all.at(-1);
  check(shared, "Call defineTokenVault in this Worker, or pass createVault its providers");
  // At once, so that a missing key is told at the start and not when it is needed.
  shared.ring();
  return shared;
}

function share(
  env: object,
  providers: Providers,
  keys: TokenVaultOptions["keys"],
  onEvent?: SharedOptions["onEvent"],
): Shared {
  checkProviders(providers);
  let ring: Keyring | undefined;
  return {
    providers,
    onEvent,
    ring: () => (ring ??= readKeys(keys, env)),
    policies: new Map(),
    caches: new Map(),
  };
}

const providersOf = ({ providers }: TokenVaultOptions, env: object): Providers =>
  typeof providers === "function" ? providers(env as never) : providers;

function checkProviders(providers: Providers): void {
  for (const [name, provider] of Object.entries(providers))
    check(
      provider?.origins?.length,
      `The provider "${name}" has no origins: pass what its preset gives, vmcloud() say`,
    );
}

function kvOf(
  { cache = CACHE, cache: named }: SharedOptions,
  env: object,
): KvNamespace | undefined {
  const kv = (env as Record<string, unknown>)[cache] as KvNamespace | undefined;
  check(
    kv?.getWithMetadata || (!kv && named === undefined),
    `${cache} is no KV binding: in wrangler.jsonc add { "binding": "${cache}" } to "kv_namespaces"`,
  );
  return kv;
}

export type { GivenKeys, KeysOption, StoredSecret } from "./cloudflare/keys.ts";
export { isVaultError, VaultError, type VaultErrorCode } from "./errors.ts";
export type { CloudflareVault, StartOptions } from "./cloudflare/proxy.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, VaultEvent } from "./vault/vault.ts";
