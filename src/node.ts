/**
 * The vault for Node and Bun: sessions in SQLite in the user's state folder, sealed, shared by all
 * processes of the user. A command line tool signs in once, and is signed in at its next run.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/node";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * const vault = createVault({ provider: vmcloud() });
 * ```
 *
 * @module
 */
import { own } from "./guard/json.ts";
import { check } from "./errors.ts";
import { type Builtins, loadBuiltins } from "./node/builtins.ts";
import { type Callers, createCallers } from "./node/callers.ts";
import { sealed, takeShelf } from "./node/database.ts";
import { keyFrom, markOf } from "./node/key-file.ts";
import { processLock } from "./node/lock.ts";
import { givenFolder, stateFolder } from "./node/place.ts";
import { createFollow, hidesRedirects } from "./request/redirects.ts";
import { keyring, type KeySource } from "./stores/encrypted.ts";
import type { VaultOptions } from "./types.ts";
import { createOwnedVault, type Vault } from "./vault/vault.ts";

/** The options of the core. The store is made of `path` and `keys`, unless `store` is given. */
export type NodeVaultOptions<Credentials = never> = Partial<VaultOptions<Credentials>> &
  Pick<VaultOptions<Credentials>, "provider"> & {
    /**
     * The folder of the sessions, their key and their locks. By default `tokenkeep` in the user's state
     * folder: `$XDG_STATE_HOME` or `~/.local/state`, on macOS `~/Library/Application Support`, on Windows
     * `%LOCALAPPDATA%`. All tools that open one folder share its sessions.
     */
    readonly path?: string | undefined;
    /**
     * The keys that seal the sessions, such as `process.env.TOKENKEEP_KEYS`. Writes use the last key.
     * Without them a key file is made in the folder, readable by its user alone.
     */
    readonly keys?: KeySource | undefined;
  };

/** The end of a message about keys. */
const HOW = '. Make one: echo "k1:$(openssl rand -base64 32)"';

/** What a vault stands on, if the application gives no store of its own. */
function partsOf(
  builtins: Builtins,
  { path, keys, provider }: Pick<NodeVaultOptions, "path" | "keys" | "provider">,
  { callers, isServer }: { readonly callers: Callers; readonly isServer: boolean },
): Pick<VaultOptions, "store" | "lock"> & { readonly close: () => void } {
  check(path === undefined || (typeof path === "string" && path), "path, a folder's");
  const { paths } = builtins;
  const folder = path === undefined ? stateFolder(builtins) : givenFolder(builtins, path);
  const own = keys === undefined ? undefined : keyring(keys, HOW);
  const shelf = takeShelf(builtins, folder, provider?.renewal?.rotation === "strict");
  return {
    store: own
      ? sealed(shelf, () => own)
      : sealed(
          shelf,
          () => keyring(() => keyFrom(builtins, folder)),
          () => markOf(builtins, folder),
        ),
    lock: processLock(builtins, {
      folder: paths.join(folder, "locks"),
      version: shelf.version,
      onWait: callers.dismiss,
      ...(!isServer && { isNeeded: callers.areUnderWay }),
    }),
    close: shelf.close,
  };
}

/**
 * Makes a vault for one account of one provider. All processes of the user that open the folder share its
 * session, and one of them refreshes it.
 *
 * Nothing is spent in the background: once the soft time has come, one call stays until the refresh is
 * stored. A server that ends by `close()` may say `refreshAhead: true` instead.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong, and where the runtime has no
 * SQLite; the message says what to do. A folder or file that cannot be used is told by each call that
 * needs it, as `store_unavailable`.
 */
export function createVault<Credentials>(from: NodeVaultOptions<Credentials>): Vault<Credentials> {
  // What is put on `Object.prototype` is no option (S15).
  const { path, keys, ...others } = own(from);
  const options = own(others);
  const callers = createCallers();
  /** The application says that its process lives on: then a refresh may begin in the background. */
  const isServer = options.refreshAhead === true;
  const given = { path, keys, provider: options.provider };
  const { store, close, ...made } = options.store
    ? { store: options.store, lock: undefined, close: undefined }
    : partsOf(loadBuiltins(), given, { callers, isServer });
  try {
    const { lock = made.lock, isHeldOpen = isServer ? undefined : callers.isHeldOpen } = options;
    const waitUntil = (work: Promise<unknown>): void => {
      callers.waitUntil(work);
      options.waitUntil?.(work);
    };
    const { vault, engine } = createOwnedVault<Credentials>(
      {
        ...options,
        ...(lock && { lock }),
        ...(isHeldOpen && { isHeldOpen }),
        ...(!isServer && { waitUntil }),
        store,
      },
      hidesRedirects() ? undefined : createFollow,
    );
    const end = async (): Promise<void> => {
      try {
        await vault[Symbol.asyncDispose]();
      } finally {
        close?.();
      }
    };
    const ending: Vault<Credentials> = {
      ...vault,
      close: () => void end().catch(() => {}),
      [Symbol.asyncDispose]: end,
    };
    if (isServer) return ending;
    const { provider, clock = Date } = options;
    const renewal = provider.renewal && own(provider.renewal);
    return callers.holding(ending, { engine, renewal, clock });
  } catch (error) {
    close?.();
    throw error;
  }
}

export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type { Keys, KeySource } from "./stores/encrypted.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault/vault.ts";
