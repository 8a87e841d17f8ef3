/** How much of a store a provider reaches: no account's record, not its own session's either (S7, S11). */
import type { ExchangeContext } from "../exchange.ts";
import type { StoredRecord, TokenStore } from "../types.ts";
import { own } from "./json.ts";
import { fromRecord } from "./record.ts";

/** An account's key has three parts or more. */
const isOfMechanism = (key: string): boolean => key.split("|").length === 2;

const isEnd = (next: StoredRecord | undefined): boolean =>
  !next || (next.tombstone === true && !next.body);

async function refuse(): Promise<never> {
  throw new TypeError("Cannot reach an account's record: keep your own under a key of two parts.");
}

/** `key`: the session's. */
export function shelfIn(
  store: TokenStore,
  key: string,
): Pick<ExchangeContext, "standing" | "store"> {
  return {
    store: own({
      head: (of: string) => store.head(of),
      read: (of: string) => (isOfMechanism(of) ? store.read(of) : refuse()),
      write: (...[of, next, expected]: Parameters<TokenStore["write"]>) =>
        isOfMechanism(of) || (of === key && isEnd(next))
          ? store.write(of, next, expected)
          : refuse(),
    }),
    async standing() {
      const record = await store.read(key);
      if (record?.tombstone) return "ended";
      // A record that cannot be opened holds no session.
      const session = fromRecord(record);
      return session && !session.refused ? "good" : undefined;
    },
  };
}
