/**
 * The vaults of a server with many users, one for each account: those that were used last stay in memory, and
 * memory is bounded.
 *
 * @example
 * ```ts
 * import { createVault, type TokenStore } from "tokenkeep";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 * import { createVaults } from "tokenkeep/vaults";
 *
 * export function listerOver(store: TokenStore) {
 *   const provider = vmcloud();
 *   const vaults = createVaults((account) => createVault({ provider, account, store }));
 *   return (account: string) =>
 *     vaults.with(account, (vault) => vault.fetch("https://api.vmcloud.com/v1/vms"));
 * }
 * ```
 *
 * @module
 */
import { because, check } from "./errors.ts";
import { own } from "./guard/json.ts";
import type { Vault } from "./vault/contract.ts";
import { watchWork } from "./vault/under-way.ts";

/** The part of a vault that `createVaults` uses: every vault but a Worker's has it. */
export type KeptVault = Pick<Vault, "close" | "events" | "snapshot" | typeof Symbol.asyncDispose>;

/** The options of {@link createVaults}. */
export interface VaultsOptions {
  /**
   * How many vaults stay in memory when nobody uses them; 10,000 by default. Each takes about 24 kB, so that
   * these take 245 MB at most; of `tokenkeep/node` 32 kB and 320 MB.
   */
  readonly most?: number;
}

/** A server's vaults, by account. */
export interface Vaults<Kept extends KeptVault> {
  /**
   * Runs `task` with the account's vault, which is made if memory has none, and is not closed before the task has
   * ended. The task must not close the vault, by `await using` neither: the account's later tasks get the same one,
   * and would be told `closed`. Answers as the task does. Rejects with a `VaultError`, code `closed`, after
   * `close()`; what `make` throws, such as `invalid_option` for an account that is no text, is passed on.
   */
  with<T>(account: string, task: (vault: Kept) => T | Promise<T>): Promise<T>;
  /** How many vaults are in memory. */
  readonly size: number;
  /** Closes all of them. Sessions stay in the store. */
  close(): void;
  /** Closes as `close()` does; resolves when everything that was under way has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A vault, and how many tasks have it in their hands. */
interface Held<Kept> {
  readonly vault: Kept;
  users: number;
  readonly isDone: () => boolean;
}

const MOST = 10_000;

/** How many vaults are looked at for each that is used, so that a use costs the same however many there are. */
const LOOKS = 8;

/**
 * Keeps the vaults that were used last. One for which there is no room is closed, as long as nobody uses it: its
 * session stays in the store, and the account's next use reads it there. A vault that refreshes, or whose memory is
 * ahead of the store (`persisted: false`, as after a sign-in while the store is out of reach), is kept until that is
 * written, though there is no room: else the session would be lost.
 *
 * @param make makes the vault of an account, over the parts that all of them share
 * @throws `VaultError`, code `invalid_option`, where `make` is no function or `most` no number from 1 on
 */
export function createVaults<Kept extends KeptVault>(
  make: (account: string) => Kept,
  options: VaultsOptions = {},
): Vaults<Kept> {
  const { most = MOST } = own(options);
  check(typeof make === "function", "a function that makes an account's vault");
  check(Number.isInteger(most) && most > 0, "most: a whole number from 1 on");
  /** A Map keeps the order in which its members were set: the first one was not used for longest. */
  const all = new Map<string, Held<Kept>>();
  /** Vaults that are being closed: what they have under way is still to end. */
  const closing = new Set<Promise<void>>();
  let isClosed = false;

  function shut({ vault }: Held<Kept>): void {
    const ending = vault[Symbol.asyncDispose]();
    closing.add(ending);
    const forget = (): void => void closing.delete(ending);
    ending.then(forget, forget);
  }

  function hold(account: string): Held<Kept> {
    const vault = make(account);
    return { vault, users: 0, isDone: watchWork(vault) };
  }

  function touch(account: string, held: Held<Kept>): void {
    all.delete(account);
    all.set(account, held);
  }

  /** Makes room. What has to stay gets its turn again when the others have had theirs. */
  function makeRoom(): void {
    for (let looks = 0; looks < LOOKS && all.size > most; looks++) {
      const [oldest] = all;
      if (!oldest) return;
      const [account, held] = oldest;
      if (held.users > 0 || !held.isDone()) touch(account, held);
      else {
        all.delete(account);
        shut(held);
      }
    }
  }

  function take(account: string): Held<Kept> {
    if (isClosed) throw because("closed", "the vaults were closed", "Make new ones");
    const held = all.get(account) ?? hold(account);
    held.users += 1;
    touch(account, held);
    makeRoom();
    return held;
  }

  async function end(): Promise<void> {
    isClosed = true;
    for (const held of all.values()) shut(held);
    all.clear();
    const ends = await Promise.allSettled(closing);
    for (const one of ends) if (one.status === "rejected") throw one.reason;
  }

  return {
    async with(account, task) {
      const held = take(account);
      try {
        return await task(held.vault);
      } finally {
        held.users -= 1;
        makeRoom();
      }
    },
    get size() {
      return all.size;
    },
    close: () => void end().catch(() => {}),
    [Symbol.asyncDispose]: end,
  };
}
