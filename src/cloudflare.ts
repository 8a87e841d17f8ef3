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
import { check, checkLoopback, hashOf, isAccount, keyOf, type Owner } from "./cloudflare/wire.ts";
import { createPolicy, type Policy } from "./request/policy.ts";
import type { KvNamespace } from "./stores/cloudflare-kv.ts";
import type { Keyring } from "./stores/encrypted.ts";
import type { Provider, VaultOptions } from "./types.ts";
import type { VaultEvent } from "./vault/vault.ts";

type Providers = Readonly<Record<string, Provider<never>>>;

/** What both sides take. */
interface SharedOptions<Env> {
  /** The KV binding that carries sealed access tokens to the edge; `"TOKEN_CACHE"` by default, none where it is missing. */
  readonly cache?: string;
  /** Allows `http://localhost` and other loopback hosts, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
  /**
   * Called with what happens, for logs and metrics: in the object, and in a Worker for `retried`, a
   * request that is sent again after its 401, and for `bare`. It holds no secret. What it returns is held by
   * `waitUntil`, and a rejection is in the platform's log. That of `defineTokenVault` serves both sides;
   * `createVault` needs one of its own only where the class is another Worker's.
   */
  readonly onEvent?: (event: VaultEvent, env: Env, ctx: VaultContext) => unknown;
}

/** A binding that sends requests: mTLS, VPC, another Worker. */
export interface Sender {
  fetch(input: never, init?: never): Promise<unknown>;
}

export interface TokenVaultOptions<Env = never>
  extends SharedOptions<Env>, Pick<VaultOptions, "clock" | "patience" | "random"> {
  /** The APIs, by the name that `createVault` takes; a function where they hang on `env`. */
  readonly providers: Providers | ((env: Env) => Providers);
  /**
   * The keys that seal sessions: one or more of `<id>:<32 random bytes in base64>`, with commas between
   * and the newest last. A name without a colon is that of a secret in `env`, or of a Secrets Store
   * binding; `"TOKENKEEP_KEYS"` by default. A function gives either, or a promise of it.
   */
  readonly keys?: KeysOption<Env>;
  /**
   * What sends requests to token endpoints and to the API, on both sides: `(env) => env.MTLS`. A
   * binding, or a function like `fetch`; the global one by default.
   */
  readonly fetch?: (env: Env) => Sender | typeof fetch;
  /**
   * The binding of this class; needed only where two classes of one Worker have a provider of the same
   * name. None by default.
   */
  readonly binding?: string;
}

/** As much of a Worker's `ctx` as is needed. */
export interface VaultContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** Where an object's data may lie and be worked on. */
export type Jurisdiction = "eu" | "fedramp" | "fedramp-high" | "us";

/** Where a new object had better be, as the platform names places; a hint, no promise. */
export type LocationHint =
  | ("wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me")
  | (string & {});

export interface CloudflareVaultOptions extends SharedOptions<never> {
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
  /**
   * Keeps the session in a jurisdiction; none by default. Each jurisdiction has objects of its own, so
   * give an account the same one always. KV is left out then, unless both sides name it by `cache`.
   */
  readonly jurisdiction?: Jurisdiction;
  /** Where the object is made when it is first asked for; near the caller by default. */
  readonly locationHint?: LocationHint;
  /** As in `defineTokenVault`, whose they are by default; needed only where the class is another Worker's. */
  readonly providers?: Providers;
  /** As in `defineTokenVault`, whose they are by default; needed only where the class is another Worker's. */
  readonly keys?: KeysOption;
  /** How long a caller waits for a token; 20,000 ms by default. */
  readonly patience?: number;
  /** How long a token is served from memory without asking again; 60,000 ms by default. */
  readonly maxStaleness?: number;
  /** As in `createVault` of the core; 1,048,576 by default. */
  readonly maxReplayBytes?: number;
  /** Sends the requests to the API; as `defineTokenVault` says by default. */
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
  readonly onEvent: SharedOptions<never>["onEvent"];
  readonly fetch: typeof fetch | undefined;
  readonly policies: Map<Provider<never>, Policy>;
  readonly caches: Map<Provider<never>, TokenCache>;
}

/** An isolate may see more than one `env`: what belongs to one is never used for another. */
const made = new WeakMap<object, Map<object, Shared>>();
/** By binding and jurisdiction: a copy of `env` has the same bindings. */
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
        const { onEvent, fetch: _, ...others } = given;
        const kv = kvOf(given, env);
        this.#owner = createOwner(ctx, {
          ...others,
          providers: providersOf(given, env),
          keys: readKeys(given.keys, env),
          kv,
          regionalKv: given.cache === undefined ? undefined : kv,
          fetch: senderOf(given, env),
          onEvent: onEvent && ((event) => onEvent(event, env, ctx)),
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
    removeAccount(
      ...question: Parameters<Owner["removeAccount"]>
    ): ReturnType<Owner["removeAccount"]> {
      return this.#owner.removeAccount(...question);
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
  const { namespace, memory } = placeOf(options, binding);
  const isRegional = options.jurisdiction !== undefined;
  const bound = kvOf(options, env);
  const kv = isRegional && options.cache === undefined ? undefined : bound;
  const shared = sharedOf(options, binding, !!kv);
  const { providers, ring, policies, caches, onEvent } = shared;
  check(Object.hasOwn(providers, name), unknownProvider(name, providers));
  const provider = providers[name]!;
  const loopback = options.dangerouslyAllowLoopbackHttp;
  checkLoopback(provider, loopback, "createVault");
  const policy = once(policies, provider, () => createPolicy(provider, loopback));
  const cache = kv && once(caches, provider, () => createCache(kv, ring, provider as Provider));
  const told = options.onEvent ?? onEvent;
  const { locationHint } = options;
  const hint = locationHint === undefined ? undefined : { locationHint };

  const key = keyOf(provider, account);
  return createProxy<Credentials>({
    call: { provider: name, account, key, ...(isRegional && { isRegional }) },
    provider,
    policy,
    memory,
    cache,
    hash: () => hashOf(key),
    objectId: (hash) => String(namespace.idFromName(hash)),
    owner: (hash) => namespace.get(namespace.idFromName(hash), hint) as Owner,
    waitUntil: (promise) => ctx.waitUntil(promise),
    fetch: options.fetch ?? shared.fetch,
    clock: options.clock,
    patience: options.patience ?? 20_000,
    maxStaleness: options.maxStaleness ?? 60_000,
    maxReplayBytes: options.maxReplayBytes,
    onEvent: told && ((event) => told(event, env as never, ctx)),
  });
}

interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown, options?: object): unknown;
  jurisdiction?(name: string): Namespace;
}

/** The objects that may be meant, and what this isolate remembers of them. */
function placeOf(
  { env, jurisdiction }: CloudflareVaultOptions,
  binding: string,
): { readonly namespace: Namespace; readonly memory: Memory } {
  const bound = (env as Record<string, unknown>)[binding] as Namespace | undefined;
  check(
    bound?.idFromName,
    `${binding} is no Durable Object binding: in wrangler.jsonc add { "name": "${binding}", "class_name": "TokenVault" } to "durable_objects": { "bindings": [] }, and { "tag": "v1", "new_sqlite_classes": ["TokenVault"] } to "migrations"`,
  );
  const memory = once(
    once(memories, bound, () => new Map<string, Memory>()),
    jurisdiction ?? "",
    createMemory,
  );
  if (jurisdiction === undefined) return { namespace: bound, memory };
  check(bound.jurisdiction, `${binding} knows no jurisdictions: leave the option out`);
  return { namespace: bound.jurisdiction(jurisdiction), memory };
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
function sharedOf(options: CloudflareVaultOptions, binding: string, hasCache: boolean): Shared {
  const { provider: name, env, providers: given } = options;
  const known = once(made, env, () => new Map<object, Shared>());
  if (given) {
    const shared = once(known, given, () => share(env, given, { keys: options.keys }));
    if (hasCache) shared.ring();
    return shared;
  }
  // A class that has named its binding is meant by that name, and by no other (F102).
  const named = defined.filter((one) => one.binding === binding);
  const others = defined.filter((one) => one.binding === undefined);
  const all = [...others, ...named].map((one) =>
    once(known, one, () => share(env, providersOf(one, env), one)),
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
  options: { [name in "fetch" | "keys" | "onEvent"]?: TokenVaultOptions[name] | undefined },
): Shared {
  checkProviders(providers);
  const { keys, onEvent } = options;
  let ring: Keyring | undefined;
  return {
    providers,
    onEvent,
    fetch: senderOf(options, env),
    ring: () => (ring ??= readKeys(keys, env)),
    policies: new Map(),
    caches: new Map(),
  };
}

/** A binding's `fetch` is a method. */
function senderOf(
  { fetch: find }: { readonly fetch?: TokenVaultOptions["fetch"] | undefined },
  env: object,
): typeof fetch | undefined {
  const found = find?.(env as never);
  if (found === undefined || typeof found === "function") return found;
  check(found?.fetch, "fetch of defineTokenVault gives no binding with a fetch, and no function");
  return (input, init) => found.fetch(input as never, init as never) as Promise<Response>;
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
  { cache = CACHE, cache: named }: Pick<SharedOptions<never>, "cache">,
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
export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { CloudflareVault, StartOptions } from "./cloudflare/proxy.ts";
export type { SessionState } from "./cloudflare/wire.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, VaultEvent } from "./vault/vault.ts";
