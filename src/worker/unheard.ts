/** One account's news, as far as the pages of a worker may not have heard them yet. */
import type { Snapshot, Vault, VaultEvent } from "../vault/contract.ts";
import type { News, Seen, State } from "./protocol.ts";

/** How many events a page may miss between two questions. */
const KEPT_EVENTS = 50;

export interface Unheard {
  /** Something has happened. */
  note(event: VaultEvent): void;
  /**
   * The news that a page has not seen yet; `seen` says how much the page has. A page that asks for the state
   * gets the state even without news: the page may have lost its way to this worker.
   */
  news(
    seen: Seen | undefined,
    worker: Pick<State, "lock" | "isolated">,
    isAsked: boolean,
  ): State | undefined;
}

export interface UnheardParts {
  readonly vault: Pick<Vault<unknown>, "events" | "snapshot" | "subscribe">;
  /** The session that the vault serves now. */
  readonly session: () => string | undefined;
  /** This worker, from its start to its end. */
  readonly owner: string;
  /** Numbers all that pages may hear, so that an account which was let go begins where it left off. */
  readonly count: () => number;
  /** Told when there is news. */
  readonly nudge: () => void;
}

export function createUnheard({ vault, session, owner, count, nudge }: UnheardParts): Unheard {
  let seq = count();
  let snapshot: Snapshot | undefined;
  let sessionId: string | undefined;
  let changedAt = 0;
  let events: News[] = [];

  function look(): void {
    const now = vault.snapshot();
    if (snapshot === now) return;
    snapshot = now;
    sessionId = session();
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
    note,
    news(seen, worker, isAsked) {
      look();
      const since = sinceOf(seen);
      if (seen && since === seq && !isAsked) return undefined;
      const isNew = !seen || changedAt > since;
      const news = [
        ...(isNew ? [{ seq: changedAt, snapshot, sessionId }] : []),
        ...events.filter((one) => one.seq > since),
      ];
      return { ...worker, owner, seq, news };
    },
  };
}
