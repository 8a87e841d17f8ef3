/** The object's part of the cache: it tells KV which token an edge may serve, seldom and in order. */
import { own } from "../guard/json.ts";
import type { Engine, EngineState } from "../refresh/contract.ts";
import { leewayOf } from "../refresh/timing.ts";
import type { Clock } from "../types.ts";
import { CACHED, LEAST, type TokenCache } from "./cache.ts";
import type { Debt, DeedBox } from "./deed.ts";
import type { Lease } from "./wire.ts";

/** KV takes one write a second and key. */
const PACE = 1_100;
/** A token that KV has lost is put there again after so many questions to the object. */
const HOT = 10;

export interface Publisher {
  /** Puts the present state into KV, if KV does not have that state yet. Nobody waits for the write. */
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

/** The lease that an edge may have now, with the time until which the edge may serve the token. */
export function leaseOf({ session, status }: EngineState): Lease | undefined {
  if (!session || status === "sign-in-required") return undefined;
  const { sessionId, generation, issuedAt, tokenSet } = session;
  const { accessToken, expiresAt } = tokenSet;
  const until = expiresAt && expiresAt - leewayOf(expiresAt - issuedAt);
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

/** What this instance has told KV. */
interface Told {
  /** The note's name; `""` where KV did not take it. Absent where nothing was told. */
  readonly name?: string;
  readonly at: number;
}

/** Whether `since` lies less than `ms` in the past. A clock may have gone back: a time in the future does not. */
const isWithin = (since: number, now: number, ms: number): boolean =>
  now >= since && now - since < ms;

/** The facts on which a decision about a note depends. */
interface NoteSight {
  readonly issuedAt: number;
  readonly debt: Debt | undefined;
  readonly now: number;
}

/** Whether a note is worth a write, which costs as much as thirty questions to the object. */
function isWanted(
  { name, lease }: Note,
  { issuedAt, debt, told, asked, now }: NoteSight & { readonly told: Told; readonly asked: number },
): boolean {
  // The object has rested. KV heard of its session when that session began, unless it began just now.
  const isOld = lease !== undefined && !debt && now - issuedAt >= LEAST;
  const last = told.name ?? (isOld ? name : undefined);
  return name !== last || (asked > HOT && !isWithin(told.at, now, CACHED / 2));
}

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.setTimeout(resolve, ms));

/** A new entry settles a debt, unless it is about the very session that is to end. */
function settle(
  { deed, onPaid }: Pick<PublisherParts, "deed" | "onPaid">,
  { lease }: Note,
  debt: Debt | undefined,
): void {
  if (!debt || lease?.sessionId === debt.sessionId) return;
  deed.pay(debt);
  if (!deed.debt()) onPaid();
}

export function createPublisher(parts: PublisherParts): Publisher {
  const { engine, cache, id, clock, deed, waitUntil } = parts;
  let publishing = false;
  let told: Told = own({ at: -Infinity });
  let asked = 0;

  /** Tells KV one thing after the other, until there is no more news. */
  async function spread(to: TokenCache): Promise<void> {
    for (;;) {
      const now = clock.now();
      const debt = deed.debt();
      const state = engine.state();
      const { session } = state;
      const note = noteOf(state, { debt, now });
      if (!note) return;
      const issuedAt = session?.issuedAt ?? now;
      if (!isWanted(note, { issuedAt, debt, told, asked, now })) return settle(parts, note, debt);
      if (isWithin(told.at, now, PACE)) {
        await pause(clock, PACE - (now - told.at));
        continue;
      }
      told = { name: note.name, at: now };
      asked = 0;
      const revision = await parts.revision(session);
      await to.write(id, { revision, lease: note.lease });
      settle(parts, note, debt);
    }
  }

  async function publish(to: TokenCache): Promise<void> {
    publishing = true;
    try {
      await spread(to);
    } catch {
      // Readers come to the object instead; a sign-out is told again by the alarm.
      told = { name: "", at: told.at };
    } finally {
      publishing = false;
    }
  }

  return (wasAsked) => {
    if (wasAsked) asked++;
    if (cache && !publishing) waitUntil(publish(cache));
  };
}
