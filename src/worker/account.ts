/** One account in a worker: its vault, and the news that pages have not heard yet. */
import type { Engine } from "../refresh/contract.ts";
import { createBareTeller } from "../request/bare.ts";
import type { Policy } from "../request/policy.ts";
import type { VaultOptions } from "../types.ts";
import { createOwnedVault, type Snapshot, type Vault, type VaultEvent } from "../vault/vault.ts";
import type { News, Seen, State } from "./protocol.ts";

/** How many events a page may miss between two questions. */
const KEPT_EVENTS = 50;

export interface Account {
  readonly vault: Vault<never>;
  /** The vault's own engine, for questions that the vault does not answer. */
  readonly engine: Engine;
  /** The session of the token that was given last: the salt of endpoints for requests without a token. */
  session?: string | undefined;
  /** A page's request goes out bare. */
  tellBare(address: string): void;
  /**
   * The news that a page has not seen yet; `seen` says how much it has. Where there is none, a page that
   * asks for the state gets it all the same: it may have lost its way to this worker.
   */
  news(
    seen: Seen | undefined,
    worker: Pick<State, "lock" | "isolated">,
    isAsked: boolean,
  ): State | undefined;
}

/** What all accounts of a worker have in common. */
export interface AccountParts {
  /** This worker, from its start to its end. */
  readonly owner: string;
  /** Numbers all that pages may hear, so that an account which was let go begins where it left off. */
  readonly count: () => number;
  readonly settings: VaultOptions<never>;
  readonly policy: Policy;
  /** Told when there is news. */
  readonly nudge: () => void;
}

export function createAccount(
  account: string,
  { owner, count, settings, policy, nudge }: AccountParts,
): Account {
  const { vault, engine } = createOwnedVault<never>({ ...settings, account });
  let seq = count();
  let snapshot: Snapshot | undefined;
  let changedAt = 0;
  let events: News[] = [];

  function look(): void {
    const now = vault.snapshot();
    if (snapshot === now) return;
    snapshot = now;
    seq = count();
    changedAt = seq;
    nudge();
  }

  function note(event: VaultEvent): void {
    seq = count();
    events = [...events.slice(1 - KEPT_EVENTS), { seq, event }];
    nudge();
  }

  vault.subscribe(look);
  vault.events(note);

  /** How much of this worker's news a page knows. A page that is new here has missed nothing. */
  function sinceOf(seen: Seen | undefined): number {
    if (!seen) return seq;
    return seen.owner === owner ? seen.seq : 0;
  }

  return {
    vault,
    engine,
    tellBare: createBareTeller({
      policy,
      onBare: (origin) => note({ type: "bare", account, origin }),
    }),
    news(seen, worker, isAsked) {
      look();
      const since = sinceOf(seen);
      if (seen && since === seq && !isAsked) return undefined;
      const isNew = !seen || changedAt > since;
      const news = [
        ...(isNew ? [{ seq: changedAt, snapshot }] : []),
        ...events.filter((one) => one.seq > since),
      ];
      return { ...worker, owner, seq, news };
    },
  };
}
