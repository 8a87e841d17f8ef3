/**
 * The vault for browsers: IndexedDB, sealing, Web Locks, BroadcastChannel and wake-ups, wired.
 *
 * The vault runs in the page, so that a refresh in flight dies with its tab. Where the API rotates refresh
 * tokens, let a worker run the vault: `tokenkeep/worker` takes the same options, and gives the page the
 * same vault.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * const vault = createVault({ provider: vmcloud() });
 * ```
 *
 * @module
 */
import { broadcastChannel } from "./channels/broadcast.ts";
import { own } from "./guard/json.ts";
import { webLocks } from "./locks/web-locks.ts";
import { encrypted } from "./stores/encrypted.ts";
import { indexedDbStore } from "./stores/indexeddb.ts";
import type { VaultOptions } from "./types.ts";
import { createVaultWith, type Vault } from "./vault/vault.ts";

/** The options of the core, all optional but `provider`. */
export type BrowserVaultOptions<Credentials = never> = Partial<VaultOptions<Credentials>> &
  Pick<VaultOptions<Credentials>, "provider">;

/**
 * Makes a vault for one account of one provider, shared by all tabs of the origin.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong.
 */
export function createVault<Credentials>(
  options: BrowserVaultOptions<Credentials>,
): Vault<Credentials> {
  const {
    store = encrypted(indexedDbStore()),
    lock = webLocks(),
    channel = broadcastChannel(),
    refreshAhead = true,
    online = () => navigator.onLine !== false,
    onWake = wakeUps,
    ...others
  } = own(options);
  return createVaultWith({ ...others, store, lock, channel, refreshAhead, online, onWake });
}

/** Moments after which a timer may have been late: back from sleep, cache, background, offline. */
function wakeUps(listener: () => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  for (const type of ["online", "pageshow", "focus"])
    globalThis.addEventListener?.(type, listener, { signal });
  // A page that is hidden may be closing: what it began would be left half done.
  const shown = (): void => {
    if (globalThis.document?.visibilityState !== "hidden") listener();
  };
  globalThis.addEventListener?.("visibilitychange", shown, { signal });
  // The document alone hears `resume`, and only a page has one: a Worker that renders pages has none.
  globalThis.document?.addEventListener("resume", listener, { signal });
  return () => stop.abort();
}

export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault/vault.ts";
