/** The object's part of the cache: it tells KV which token an edge may serve, seldom and in order. */
import type { Engine, EngineState } from "../refresh/contract.ts";
import type { Clock } from "../types.ts";
import { CACHED, LEAST, type TokenCache } from "./cache.ts";
import type { Debt, DeedBox } from "./deed.ts";
import type { Lease } from "./wire.ts";

/** KV takes one write a second and key. */
const PACE = 1_100;
/** How often the object is asked before a token that KV has lost goes there again. */
const HOT = 10;

export interface Publisher {
  /** Puts the present state into KV, if it is news there. Nobody waits for the write. */
  (wasAsked?: boolean): void;
}

export interface PublisherParts {
  readonly engine: Pick<Engine, "state">;
  readonly cache: TokenCache | undefined;
  /** The object's id, under which KV has its token. */
  readonly id: string;
  readonly clock: Clock;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** A sign-out that KV has still to hear of, durably noted. */
  readonly deed: Pick<DeedBox, "debt" | "pay">;
  /** The revision of the next note about this session, or about none. */
  readonly revision: (session: EngineState["session"]) => Promise<number>;
  /** Told when nothing is owed any more. */
  readonly onPaid: () => void;
}

/** The lease that an edge may have now, and until when it may serve it. */
export function leaseOf({ session, status }: EngineState): Lease | undefined {
  if (!session || status === "sign-in-required") return undefined;
  const { sessionId, generation, issuedAt, tokenSet } = session;
  const { accessToken, expiresAt } = tokenSet;
  const until = expiresAt && expiresAt - Math.min(30_000, (expiresAt - issuedAt) / 10);
  return { accessToken, sessionId, generation, until };
}

/** An entry for KV. */
export interface Note {
  /** Tells one note from another. */
  readonly name: string;
  /** Absent where the note says that a session has ended. */
  readonly lease?: Lease | undefined;
}

/**
 * The note for this moment; `undefined` where KV should keep its entry. Where KV cannot have the new token,
 * the note says that the session before has ended.
 */
export function noteOf(
  state: EngineState,
  { debt, now }: { readonly debt: Debt | undefined; readonly now: number },
): Note | undefined {
  const lease = leaseOf(state);
  const until = Math.min(lease?.until ?? Infinity, now + CACHED);
  // KV keeps an entry for a minute at least: a token that ends sooner is not for it.
  if (lease && state.persisted && until - now > LEAST)
    return { name: `${lease.sessionId} ${lease.generation}`, lease: { ...lease, until } };
  return debt && { name: `ended ${debt.sessionId} ${debt.since}` };
}

export function createPublisher(parts: PublisherParts): Publisher {
  const { engine, cache, id, clock, deed, waitUntil } = parts;
  let publishing = false;
  let publishedAt = -Infinity;
  let published: string | undefined;
  let asked = 0;

  /** Whether a note is worth a write, which costs as much as thirty questions to the object. */
  function isWanted({ name, lease }: Note, now: number, debt: Debt | undefined): boolean {
    const { session } = engine.state();
    // The object has rested: its session was told to KV when it came, unless it came just now.
    if (lease && session && !debt && now - session.issuedAt >= LEAST) published ??= name;
    const age = now - publishedAt;
    return name !== published || (asked > HOT && !(age >= 0 && age < CACHED / 2));
  }

  /** A new entry settles a debt, unless it is about the very session that is to end. */
  function settle({ lease }: Note, debt: Debt | undefined): void {
    if (!debt || lease?.sessionId === debt.sessionId) return;
    deed.pay(debt);
    if (!deed.debt()) parts.onPaid();
  }

  async function spread(to: TokenCache): Promise<void> {
    for (;;) {
      const now = clock.now();
      const debt = deed.debt();
      const state = engine.state();
      const note = noteOf(state, { debt, now });
      if (!note) return;
      if (!isWanted(note, now, debt)) return settle(note, debt);
      const age = now - publishedAt;
      if (age >= 0 && age < PACE) {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, PACE - age));
        continue;
      }
      published = note.name;
      publishedAt = now;
      asked = 0;
      const revision = await parts.revision(state.session);
      await to.write(id, { revision, lease: note.lease });
      settle(note, debt);
    }
  }

  return (wasAsked) => {
    if (wasAsked) asked++;
    if (!cache || publishing) return;
    publishing = true;
    waitUntil(
      spread(cache)
        .catch(() => {
          // Readers come here instead; a sign-out is told again by the alarm.
          published = "";
        })
        .finally(() => {
          publishing = false;
        }),
    );
  };
}
