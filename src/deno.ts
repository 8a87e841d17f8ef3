/**
 * The vault for Deno: Deno KV, sealing with your own keys and Web Locks, wired. All processes on one
 * database share a session, and one of them refreshes it.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/deno";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * const vault = createVault({
 *   provider: vmcloud(),
 *   kv: await Deno.openKv(),
 *   keys: Deno.env.get("TOKENKEEP_KEYS"),
 * });
 * ```
 *
 * @module
 */
import { VaultError } from "./errors.ts";
import { shortHash } from "./guard/hash.ts";
import { keyOf } from "./guard/record.ts";
import { createVault as createVaultOver, type Vault, type VaultOptions } from "./index.ts";
import { webLocks } from "./locks/web-locks.ts";
import { type DenoKv, denoKvStore } from "./stores/deno-kv.ts";
import { encrypted, keyring, type KeySource } from "./stores/encrypted.ts";
import type { Provider, TokenStore } from "./types.ts";

/** As in the core; the store is made from `kv` and `keys`, unless `store` is given. */
export type DenoVaultOptions<Credentials = never> = Partial<VaultOptions<Credentials>> &
  Pick<VaultOptions<Credentials>, "provider"> & {
    /** The database: `await Deno.openKv()`. It stays open when the vault is closed. */
    readonly kv?: DenoKv;
    /**
     * What seals the records: `Deno.env.get("TOKENKEEP_KEYS")`. Writes use the last key. Keys that have
     * to be fetched come as a function, which may be asynchronous, or as a promise. (Deno KV could keep
     * a key for each record, but in the clear and right beside what it seals.)
     */
    readonly keys?: KeySource | undefined;
    /** Stores tokens in the clear, for development; `false` by default. */
    readonly dangerouslyUnsealed?: boolean;
    /**
     * Schedules `refresh`, for hosts that run no timers between requests; there is no schedule by
     * default. `signal` is aborted when the vault is closed. `name` is made of provider and account, so
     * that two vaults have two schedules; it is one that `Deno.cron` takes:
     * `(refresh, signal, name) => Deno.cron(name, "*\/5 * * * *", { signal }, refresh)`.
     */
    readonly cron?: (refresh: () => Promise<void>, signal: AbortSignal, name: string) => unknown;
  };

/**
 * Makes a vault for one account of one provider, shared by all that open the database.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong; the message has the line
 * to add.
 */
export function createVault<Credentials>({
  kv,
  keys,
  dangerouslyUnsealed,
  cron,
  ...options
}: DenoVaultOptions<Credentials>): Vault<Credentials> {
  const store = options.store ?? storeOf(kv, keys, dangerouslyUnsealed);
  const make = (onWake?: VaultOptions["onWake"]): Vault<Credentials> =>
    createVaultOver({
      lock: webLocks(),
      refreshAhead: true,
      ...(onWake && { onWake }),
      ...options,
      provider: sentOnce(options.provider),
      store,
    });
  if (!cron || options.onWake) return make();
  const schedule = begin(cron, options);
  try {
    return make(schedule.onWake);
  } catch (error) {
    schedule.stop();
    throw error;
  }
}

function storeOf(kv: DenoKv | undefined, keys?: KeySource, unsealed?: boolean): TokenStore {
  const store = denoKvStore(kv!);
  const how = '. Set it: export TOKENKEEP_KEYS="k1:$(openssl rand -base64 32)"';
  if (keys) return encrypted(store, keyring(keys, how));
  if (unsealed) return store;
  throw new VaultError(
    "invalid_option",
    'No keys to seal sessions with. Add to createVault: keys: Deno.env.get("TOKENKEEP_KEYS")' + how,
  );
}

interface Schedule {
  readonly onWake: (look: () => void) => () => void;
  stop(): void;
}

/** Begins a schedule before the vault is made, so that one which cannot begin leaves nothing open. */
function begin(
  cron: NonNullable<DenoVaultOptions["cron"]>,
  { provider, account = "default" }: Pick<DenoVaultOptions, "account" | "provider">,
): Schedule {
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  let look: () => unknown = () => {};
  const name = nameOf(provider, account);
  try {
    // The host stays awake until what it has called settles.
    cron(async () => void (await look()), ended.signal, name);
  } catch {
    throw new VaultError(
      "invalid_option",
      "Cannot begin the schedule: each vault needs a name of its own, of letters, digits, spaces, _ and -. Take the one that is given: cron: (refresh, signal, name) => Deno.cron(name, …, { signal }, refresh)",
    );
  }
  return {
    stop,
    onWake(listener) {
      look = listener;
      return stop;
    },
  };
}

/** A name for `Deno.cron`, which takes letters, digits, spaces, `_` and `-`, and 64 of them at most. */
function nameOf(provider: DenoVaultOptions["provider"], account: string): string {
  const key = provider?.origins?.length ? keyOf(provider as Provider, account) : "";
  return `tokenkeep ${provider?.name ?? ""} ${shortHash(key)}`
    .replaceAll(/[^\w -]/g, "-")
    .slice(-64);
}

/**
 * Deno 2.9 sends a request again by itself when the connection dies without a reply, except one whose
 * body is a stream. A refresh token that is spent by its use must not arrive twice (P2).
 */
function sentOnce<Credentials>(provider: Provider<Credentials>): Provider<Credentials> {
  if (provider?.renewal?.rotation !== "strict") return provider;
  const renew: Provider["renew"] = (grant, exchange) =>
    provider.renew!(grant, { ...exchange, fetch: asStream(exchange.fetch) });
  return new Proxy(Object.create(provider) as typeof provider, {
    get(_, name) {
      if (name === "renew") return provider.renew && renew;
      // Its own methods know it by `this`, and find their private fields.
      const member: unknown = Reflect.get(provider, name, provider);
      return typeof member === "function" ? member.bind(provider) : member;
    },
  });
}

const asStream =
  (fetch_: typeof fetch): typeof fetch =>
  (input, init) => {
    if (init?.body == null) return fetch_(input, init);
    const { body, headers } = new Response(init.body);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    // As it comes it would be taken for what it was made from.
    const stream = body!.pipeThrough(new TransformStream());
    const once = { ...init, body: stream, headers, duplex: "half" };
    return fetch_(input, once as RequestInit);
  };

export { isVaultError, VaultError, type VaultErrorCode } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, readProblem } from "./problem.ts";
export type { DenoKv, DenoKvWrite } from "./stores/deno-kv.ts";
export type { Keys, KeySource } from "./stores/encrypted.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault/vault.ts";
