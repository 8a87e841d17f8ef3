/**
 * The deed: which session an object owns, and what it still owes to KV. An object is found by the hash
 * of a name, and would not know by itself what to refresh when its alarm fires.
 */
import { own } from "../guard/json.ts";
import type { DurableStorage } from "../stores/durable-object.ts";
import { CACHED } from "./cache.ts";
import type { SessionName } from "./wire.ts";

/** A sign-out that KV has still to hear of. */
export interface Debt {
  readonly sessionId: string;
  /** When the debt began. KV's entry ends five minutes later at the latest, and the debt ends with the entry. */
  readonly since: number;
}

export interface Deed extends SessionName {
  /**
   * The base of all revisions. It grows from one life of the account to the next, so that isolates which
   * remember a removed account believe its successor.
   */
  readonly base: number;
  readonly owes?: Debt | undefined;
  /** The account was removed: the storage is given back as soon as nothing is owed. */
  readonly isLeaving?: true | undefined;
}

export interface DeedBox {
  read(): Deed | undefined;
  /** Writes down which session this is; synchronous, so that the deed goes to disk with the session. */
  claim(name: SessionName): void;
  /** Notes a sign-out of this session. Never throws: a full storage keeps nobody from signing out or in. */
  owe(name: SessionName, sessionId: string): void;
  /** The debt that stands now, if there is one. */
  debt(): Debt | undefined;
  /** Strikes the debt out, unless another one has taken its place. */
  pay(debt: Debt): void;
  leave(): void;
  drop(): void;
}

const DEED = "tokenkeep-deed";

export function createDeed(kv: DurableStorage["kv"], now: () => number): DeedBox {
  /** Only this instance writes the storage. */
  let known: Deed | undefined;
  const stored = kv.get(DEED) as Deed | undefined;
  // A member that the stored deed does not have is absent, whatever a prototype holds (S15).
  if (stored) known = own(stored);
  /** What the storage has: less than is known, where it took no write. */
  let written = known;

  function put(next: Deed): void {
    known = own(next);
    kv.put(DEED, next);
    written = known;
  }

  /** Where the storage takes no write, this instance knows it, and the next claim writes it. */
  function tryToPut(next: Deed): void {
    try {
      put(next);
    } catch {
      // What is owed is no reason to fail.
    }
  }

  function deedOf({ provider, account, key, isRegional }: SessionName): Deed {
    const { base = now(), owes } = own({ ...known });
    return { provider, account, key, isRegional, base, owes };
  }

  return {
    read: () => known,
    claim(name) {
      const isNamed =
        written?.key === name.key && written.provider === name.provider && !written.isLeaving;
      if (!isNamed) put(deedOf(name));
      else if (known !== written) tryToPut(deedOf(name));
    },
    owe(name, sessionId) {
      tryToPut({ ...(known ?? deedOf(name)), owes: { sessionId, since: now() } });
    },
    debt() {
      const owes = known?.owes;
      if (!owes) return undefined;
      const age = now() - owes.since;
      return age >= 0 && age < CACHED ? owes : undefined;
    },
    pay(debt) {
      if (known?.owes === debt) tryToPut({ ...known, owes: undefined });
    },
    leave() {
      if (known) put({ ...known, isLeaving: true });
    },
    drop() {
      if (known) kv.delete(DEED);
      known = undefined;
      written = undefined;
    },
  };
}
