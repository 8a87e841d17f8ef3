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
import { own } from "./guard/json.ts";
import { sentOnce } from "./deno/once.ts";
import { begin } from "./deno/schedule.ts";
import { VaultError } from "./errors.ts";
import { createVault as createVaultOver, type Vault, type VaultOptions } from "./index.ts";
import { webLocks } from "./locks/web-locks.ts";
import { type DenoKv, denoKvStore } from "./stores/deno-kv.ts";
import { encrypted, keyring, type KeySource } from "./stores/encrypted.ts";
import type { TokenStore } from "./types.ts";

/** The options of the core. The store is made of `kv` and `keys`, unless `store` is given. */
export type DenoVaultOptions<Credentials = never> = Partial<VaultOptions<Credentials>> &
  Pick<VaultOptions<Credentials>, "provider"> & {
    /** The database: `await Deno.openKv()`. It stays open when the vault is closed. */
    readonly kv?: DenoKv;
    /**
     * The keys that seal the records: `Deno.env.get("TOKENKEEP_KEYS")`. Writes use the last key. Keys
     * that have to be fetched come as a function, which may be asynchronous, or as a promise. (Deno KV
     * could keep a key for each record, but in the clear, right beside the record.)
     */
    readonly keys?: KeySource | undefined;
    /** Stores tokens in the clear, for development; `false` by default. */
    readonly dangerouslyUnsealed?: boolean;
    /**
     * Schedules `refresh`, for hosts that run no timers between requests; no schedule by default. `signal`
     * is aborted when the vault is closed. `name` is made of provider and account, so that two vaults
     * have two schedules, and `Deno.cron` takes it:
     * `(refresh, signal, name) => Deno.cron(name, "*\/5 * * * *", { signal }, refresh)`. What it throws at once is
     * told as an `invalid_option`; a promise of its own may reject in silence.
     */
    readonly cron?: (refresh: () => Promise<void>, signal: AbortSignal, name: string) => unknown;
  };

/**
 * Makes a vault for one account of one provider. All processes that open the database share its session.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong; the message has the line
 * to add.
 */
export function createVault<Credentials>(from: DenoVaultOptions<Credentials>): Vault<Credentials> {
  // What is put on `Object.prototype` is no option (S15).
  const { kv, keys, dangerouslyUnsealed, cron, ...others } = own(from);
  const options = own(others);
  const store = options.store ?? storeOf(kv, keys, dangerouslyUnsealed);
  const { lock = webLocks(), refreshAhead = true } = options;
  const make = (onWake = options.onWake): Vault<Credentials> =>
    createVaultOver({
      ...options,
      lock,
      refreshAhead,
      ...(onWake && { onWake }),
      provider: sentOnce(options.provider),
      store,
    });
  if (!cron) return make();
  const schedule = begin(cron, options);
  try {
    return make(both(schedule.onWake, options.onWake));
  } catch (error) {
    schedule.stop();
    throw error;
  }
}

type OnWake = NonNullable<VaultOptions<unknown>["onWake"]>;

/** Wakes by either. */
const both =
  (one: OnWake, other: OnWake | undefined): OnWake =>
  (look) => {
    const stops = [one(look), other?.(look)];
    return () => {
      for (const stop of stops) if (typeof stop === "function") stop();
    };
  };

function storeOf(kv: DenoKv | undefined, keys?: KeySource, unsealed?: boolean): TokenStore {
  // `denoKvStore` says what to pass where nothing was.
  const store = denoKvStore(kv!);
  const how = '. Set it: export TOKENKEEP_KEYS="k1:$(openssl rand -base64 32)"';
  if (keys) return encrypted(store, keyring(keys, how));
  if (unsealed) return store;
  throw new VaultError(
    "invalid_option",
    'Cannot seal sessions: there are no keys. Add to createVault: keys: Deno.env.get("TOKENKEEP_KEYS")' +
      how,
  );
}

export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type { DenoKv, DenoKvWrite } from "./stores/deno-kv.ts";
export type { Keys, KeySource } from "./stores/encrypted.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault/vault.ts";
