/** Which accounts are signed in, as a store lists them; and where a removed account's tombstone ends. */
import { isVaultError, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";
import { askStore, StoreTrouble } from "../refresh/keeper.ts";
import type { Clock, RecordHead, TokenStore } from "../types.ts";
import type { Vault } from "./contract.ts";

const A_DAY = 86_400_000;

export interface AccountsParts {
  readonly clock: Clock;
  /** Called once, at the first oddity. */
  readonly onOddity: () => void;
  /** A vault that is closed begins no operation any more (P21). */
  readonly isClosed: () => boolean;
}

interface Listing {
  readonly names: readonly string[];
  /** Keys that name no account, or whose record cannot be read: one of them hides no account (F81). */
  readonly oddities: number;
}

interface Account {
  readonly key: string;
  readonly name: string;
}

/** Asks for one answer in time, because a silent store never answers (F59). */
type Ask = <Answer>(ask: () => Promise<Answer>) => Promise<Answer>;

const askWith =
  ({ clock, isClosed }: AccountsParts): Ask =>
  async (ask) => {
    if (isClosed()) throw new VaultError("closed");
    return (await askStore(clock, async () => ask())).answer;
  };

/** A rejection may be about one record. A silence is the store's, and would be waited for at each record (F59). */
const isRejection = (error: unknown): boolean => error instanceof StoreTrouble && !error.isSilence;

/** Hides an error that may quote data (S4). */
function told(error: unknown): VaultError {
  const reason = error instanceof StoreTrouble ? error.reason : error;
  return isVaultError(reason) ? reason : new VaultError("store_unavailable");
}

/** The account's name in the end of a key. */
function nameIn(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** The accounts that a list of keys names, and how many keys name none. */
function namedIn(keys: readonly string[], prefix: string) {
  const accounts: Account[] = [];
  let nameless = 0;
  for (const key of keys) {
    const encoded = key.slice(prefix.length);
    // The rest of a key is one part; more parts are another partition's.
    if (encoded.includes("|")) continue;
    const name = nameIn(encoded);
    if (name === undefined) nameless += 1;
    else accounts.push({ key, name });
  }
  return { accounts, nameless };
}

interface Looked {
  readonly heads: readonly (Account & { readonly head: RecordHead | undefined })[];
  readonly failed: readonly Account[];
  /** Why the last of them failed. */
  readonly error?: unknown;
}

/** Looks at each account's record. One that cannot be read keeps no other from being read. */
async function lookAt(accounts: readonly Account[], store: TokenStore, ask: Ask): Promise<Looked> {
  const heads = [];
  const failed: Account[] = [];
  let error: unknown;
  for (const account of accounts)
    try {
      heads.push({ ...account, head: await ask(() => store.head(account.key)) });
    } catch (trouble) {
      if (!isRejection(trouble)) throw trouble;
      error = trouble;
      failed.push(account);
    }
  return { heads, failed, error };
}

/**
 * The same, but an account is left out only where its own record is at fault. A store that goes away in the
 * middle fails the listing, or accounts would seem to be signed out (P16).
 */
async function lookTwice(
  accounts: readonly Account[],
  store: TokenStore,
  ask: Ask,
): Promise<Looked> {
  const first = await lookAt(accounts, store, ask);
  const second = await lookAt(first.failed, store, ask);
  const heads = [...first.heads, ...second.heads];
  const [readable] = heads;
  if (second.failed.length) {
    if (!readable) throw second.error;
    await ask(() => store.head(readable.key));
  }
  return { heads, failed: second.failed };
}

interface Sweeping {
  readonly ask: Ask;
  readonly now: number;
}

/**
 * Deletes tombstones that are a day old. Where the compare is against a cached read, the deletion could hit
 * a session that has begun meanwhile (F33), so that they stay there.
 */
async function sweep({ heads }: Looked, store: TokenStore, { ask, now }: Sweeping): Promise<void> {
  if (!store.atomic) return;
  const isOld = ({ tombstone, endedAt = 0 }: RecordHead): boolean =>
    tombstone === true && now - endedAt > A_DAY;
  try {
    for (const { key, head } of heads)
      if (head && isOld(head)) await ask(() => store.write(key, undefined, head));
  } catch (error) {
    // The accounts are known all the same, and the next listing sweeps again.
    if (!(error instanceof StoreTrouble)) throw error;
  }
}

/**
 * The accounts whose keys begin with `prefix`. A tombstone keeps a sign-in of another context that waits
 * for its retry from bringing an account back (F49); after a day nobody waits any more, and it goes.
 */
async function listAccounts(
  store: TokenStore,
  prefix: string,
  parts: AccountsParts,
): Promise<Listing> {
  const ask = askWith(parts);
  const { accounts, nameless } = namedIn(await ask(() => store.list(prefix)), prefix);
  const looked = await lookTwice(accounts, store, ask);
  await sweep(looked, store, { ask, now: parts.clock.now() });
  const standing = looked.heads.filter(({ head }) => head && !head.tombstone);
  return {
    names: standing.map(({ name }) => name),
    oddities: nameless + looked.failed.length,
  };
}

export function createAccounts(
  store: TokenStore,
  prefix: string,
  given: AccountsParts,
): Vault["accounts"] {
  // What is put on `Object.prototype` later on closes no vault (S15).
  const parts = own(given);
  let hasTold = false;
  return async () => {
    try {
      const { names, oddities } = await listAccounts(store, prefix, parts);
      if (oddities && !hasTold) parts.onOddity();
      hasTold ||= oddities > 0;
      return [...names];
    } catch (error) {
      throw told(error);
    }
  };
}
