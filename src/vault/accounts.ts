/** Which accounts are signed in, as a store lists them; and where a removed account's tombstone ends. */
import { isVaultError, VaultError } from "../errors.ts";
import { askStore, StoreTrouble } from "../refresh/keeper.ts";
import type { Clock, RecordHead, TokenStore } from "../types.ts";
import type { Vault } from "./contract.ts";

const A_DAY = 86_400_000;

interface Listing {
  readonly names: readonly string[];
  /** Keys that name no account, or whose record cannot be read: one of them hides no account (F81). */
  readonly oddities: number;
}

/** Asks in time, because a silent store never answers (F59), and hides an error that may quote data (S4). */
async function askInTime<Answer>(clock: Clock, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return (await askStore(clock, ask)).answer;
  } catch (error) {
    const reason = error instanceof StoreTrouble ? error.reason : error;
    throw isVaultError(reason) ? reason : new VaultError("store_unavailable");
  }
}

/** The account's name in the end of a key. */
function nameIn(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/**
 * The accounts whose keys begin with `prefix`. A tombstone keeps a sign-in of another context that waits
 * for its retry from bringing an account back (F49); after a day nobody waits any more, and it goes.
 */
async function listAccounts(store: TokenStore, prefix: string, clock: Clock): Promise<Listing> {
  const names: string[] = [];
  const failed: unknown[] = [];
  let looked = 0;
  let nameless = 0;
  const isOld = ({ endedAt = 0 }: RecordHead): boolean => clock.now() - endedAt > A_DAY;
  for (const key of await askInTime(clock, () => store.list(prefix))) {
    const encoded = key.slice(prefix.length);
    // The rest of a key is one part; more parts are another partition's.
    if (encoded.includes("|")) continue;
    const name = nameIn(encoded);
    if (name === undefined) nameless += 1;
    else
      try {
        const head = await askInTime(clock, () => store.head(key));
        looked += 1;
        if (head && !head.tombstone) names.push(name);
        else if (head && isOld(head))
          await askInTime(clock, () => store.write(key, undefined, head));
      } catch (error) {
        failed.push(error);
      }
  }
  // Where no record could be read, the store is out of reach.
  if (!looked && failed.length) throw failed[0];
  return { names, oddities: nameless + failed.length };
}

export interface AccountsParts {
  readonly clock: Clock;
  /** Called once, at the first oddity. */
  readonly onOddity: () => void;
}

export function createAccounts(
  store: TokenStore,
  prefix: string,
  { clock, onOddity }: AccountsParts,
): Vault["accounts"] {
  let hasTold = false;
  return async () => {
    const { names, oddities } = await listAccounts(store, prefix, clock);
    if (oddities && !hasTold) onOddity();
    hasTold ||= oddities > 0;
    return [...names];
  };
}
