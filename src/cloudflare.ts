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

// An import cannot bring a declaration of a module in.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./cloudflare/workers.d.ts" />
import { DurableObject } from "cloudflare:workers";
import { createCache } from "./cloudflare/cache.ts";
import { define, memoryOf, once, type Shared, sharedOf } from "./cloudflare/isolate.ts";
import { readKeys } from "./cloudflare/keys.ts";
import type { CloudflareVaultOptions, TokenVaultOptions } from "./cloudflare/options.ts";
import { brokenOwner, createOwner, type ObjectOwner } from "./cloudflare/owner.ts";
import { type CloudflareVault, createProxy } from "./cloudflare/proxy.ts";
import { senderTo } from "./cloudflare/sender.ts";
import {
  checkLoopback,
  checkProviders,
  demand,
  inJurisdiction,
  kvOf,
  unknownProvider,
  namespaceOf,
  providersOf,
  senderOf,
} from "./cloudflare/set-up.ts";
import type { ObjectContext } from "./cloudflare/shelf.ts";
import { hashOf, isAccount, keyOf, type Owner } from "./cloudflare/wire.ts";
import { checkAmounts } from "./guard/amounts.ts";
import { own } from "./guard/json.ts";
import { createPolicy } from "./request/policy.ts";
import { presentationOf } from "./request/presentation.ts";
import type { KvNamespace } from "./stores/cloudflare-kv.ts";
import type { Provider } from "./types.ts";
import type { VaultEvent } from "./vault/vault.ts";

/** The class of the object. The Worker exports it and binds it. */
export interface TokenVaultClass {
  new (ctx: ObjectContext, env: never): TokenVaultObject;
}

/** The object, as the platform and Workers call it. */
export interface TokenVaultObject extends Owner {
  readonly __DURABLE_OBJECT_BRAND: never;
  alarm(): Promise<void>;
}

/**
 * Makes the Durable Object class that owns sessions. Export it from the Worker, bind it as
 * `TOKEN_VAULT`, and list it in `new_sqlite_classes`. One object owns one session: it alone holds the
 * refresh token, sealed, and refreshes ahead by its alarm, even when nobody calls.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong. Where something is wrong with
 * `env`, such as a missing key, every call of the vault rejects with the reason.
 */
export function defineTokenVault<Env = never>(options: TokenVaultOptions<Env>): TokenVaultClass {
  // What is put on `Object.prototype` is no option (S15).
  const given: TokenVaultOptions = own(options);
  const { providers, patience } = given;
  checkAmounts({ patience });
  demand(providers, "defineTokenVault has no providers", "Pass it the APIs by name");
  if (typeof providers === "object") checkProviders(providers);
  define(given);

  return class TokenVault extends DurableObject implements TokenVaultObject {
    #owner: ObjectOwner;
    constructor(ctx: ObjectContext, env: never) {
      super(ctx as never, env);
      try {
        const { onEvent, fetch: send, ...others } = given;
        const kv = kvOf(given.cache, env);
        const settings = own({
          ...others,
          providers: providersOf(providers, env),
          keys: readKeys(given.keys, env),
          kv,
          regionalKv: given.cache === undefined ? undefined : kv,
          fetch: senderOf(send, env),
          onEvent: onEvent && ((event: VaultEvent) => onEvent(event, env, ctx)),
        });
        this.#owner = createOwner(ctx, settings);
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
 * Makes a vault for one account and one request, which costs next to nothing. It looks for a token in the
 * isolate's memory, then in KV, and then asks the object.
 *
 * @throws VaultError `invalid_option` when an option, a binding or a key is missing or wrong; the
 * message says what to add where.
 */
export function createVault<Credentials = unknown>(
  given: CloudflareVaultOptions,
): CloudflareVault<Credentials> {
  // A tenant that was not found must not become the default account, which is another's session (S11). A
  // member that is put on `Object.prototype` is no option (S15).
  const options = own({ account: "default", ...given });
  const { provider: name, env, ctx, binding = "TOKEN_VAULT", jurisdiction, locationHint } = options;
  const { account, patience = 20_000, maxStaleness = 60_000, maxReplayBytes } = options;
  checkAmounts({ patience, maxStaleness, maxReplayBytes });
  demand(
    env && ctx?.waitUntil,
    "env or ctx is missing",
    "Pass both, the second and third argument of the Worker's fetch",
  );
  demand(
    isAccount(account),
    "the account is no text of 1 to 256 characters",
    'Pass one, or none for "default"',
  );
  const everywhere = namespaceOf(binding, env);
  const isRegional = jurisdiction !== undefined;
  const namespace = isRegional ? inJurisdiction(everywhere, binding, jurisdiction) : everywhere;
  const kv = readCacheOf(options);
  const shared = sharedOf(options, { binding, hasCache: kv !== undefined });
  const provider = providerOf(options, shared);
  const told = options.onEvent ?? shared.onEvent;
  const sender = options.fetch ?? shared.fetch;
  const hint = locationHint === undefined ? undefined : own({ locationHint });

  const key = keyOf(provider, account);
  return createProxy<Credentials>({
    session: { provider: name, account, key, ...(isRegional && { isRegional }) },
    provider,
    policy: once(shared.policies, provider, () =>
      createPolicy(provider, options.dangerouslyAllowLoopbackHttp),
    ),
    presentation: once(shared.presentations, provider, () => presentationOf(provider)),
    memory: memoryOf(everywhere, jurisdiction),
    cache: kv && once(shared.caches, kv, () => createCache(kv, shared.ring)),
    hash: () => hashOf(key),
    objectId: (hash) => String(namespace.idFromName(hash)),
    owner: (hash) => namespace.get(namespace.idFromName(hash), hint) as Owner,
    waitUntil: (promise) => ctx.waitUntil(promise),
    fetch: sender && senderTo(provider, sender),
    clock: options.clock,
    patience,
    maxStaleness,
    maxReplayBytes,
    onEvent: told && ((event) => told(event, env as never, ctx)),
  });
}

/** KV is everywhere, so that a session in a jurisdiction stays out of a KV that the options do not name. */
function readCacheOf({
  cache,
  env,
  jurisdiction,
}: CloudflareVaultOptions): KvNamespace | undefined {
  const kv = kvOf(cache, env);
  return jurisdiction !== undefined && cache === undefined ? undefined : kv;
}

function providerOf(
  { provider: name, dangerouslyAllowLoopbackHttp }: CloudflareVaultOptions,
  { providers }: Shared,
): Provider<never> {
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
  demand(provider, ...unknownProvider(name, providers));
  checkLoopback(provider, dangerouslyAllowLoopbackHttp, "createVault");
  return provider;
}

export type {
  CloudflareVaultOptions,
  Jurisdiction,
  LocationHint,
  TokenVaultOptions,
  VaultContext,
} from "./cloudflare/options.ts";
export type { Sender } from "./cloudflare/set-up.ts";
export type { GivenKeys, KeysOption, StoredSecret } from "./cloudflare/keys.ts";
export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { CloudflareVault, StartOptions } from "./cloudflare/proxy.ts";
export type { SessionState } from "./cloudflare/wire.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, VaultEvent } from "./vault/vault.ts";
