/**
 * The accounts that a worker holds. A script of the origin may name more of them than a worker can hold
 * (S10): then an account without a question lets go of its memory. Its session stays in the store.
 */
import { check } from "../errors.ts";
import type { Account } from "./account.ts";

/** More accounts than a page shows at once. Each has an engine of its own. */
const MOST = 100;

export interface Accounts {
  /** Settles as `work` does; rejects with `invalid_option` where all accounts are busy. */
  use<T>(name: string, work: (account: Account) => Promise<T>): Promise<T>;
}

interface Place {
  readonly account: Account;
  /** How many questions are under way. */
  busy: number;
}

export function createAccounts(make: (name: string) => Account): Accounts {
  // A Map keeps the order in which its members were set: the first one has been unused for longest.
  const places = new Map<string, Place>();

  /** An account to let go of. A signed-out one comes first, because its memory is worth nothing. */
  function leastWorth(): string | undefined {
    const idle = [...places].filter(([, { account, busy }]) => !busy && account.isDone());
    const isEmpty = ([, { account }]: [string, Place]): boolean =>
      account.vault.snapshot().status !== "signed-in";
    const [name] = idle.find(isEmpty) ?? idle[0] ?? [];
    return name;
  }

  function makeRoom(): void {
    if (places.size < MOST) return;
    const name = leastWorth();
    check(name !== undefined, "fewer accounts for this worker");
    // Work that is under way is finished.
    places.get(name)?.account.vault.close();
    places.delete(name);
  }

  function placeOf(name: string): Place {
    let place = places.get(name);
    if (!place) {
      makeRoom();
      place = { account: make(name), busy: 0 };
    }
    places.delete(name);
    places.set(name, place);
    return place;
  }

  return {
    async use(name, work) {
      const place = placeOf(name);
      place.busy += 1;
      try {
        return await work(place.account);
      } finally {
        place.busy -= 1;
      }
    },
  };
}
