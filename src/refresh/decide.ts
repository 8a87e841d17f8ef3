/**
 * Decides about one session, by one pure function. From the session, both clocks and the sight of this
 * context it follows whether the token is served, and what the engine does next.
 */
import { own } from "../guard/json.ts";
import type { Renewal, Session } from "../types.ts";
import {
  AFTER_COMMIT,
  dueAt,
  EXCHANGE,
  floorOf,
  FOREIGN_MARGIN,
  leewayOf,
  LONGEST_COOL_DOWN,
  MARGIN,
  type Moment,
  TRAVEL,
} from "./timing.ts";

/** A session as one context has seen it, with more than its record says. Ages are in milliseconds. */
export interface Sight extends Moment {
  readonly session: Session | undefined;
  readonly renewal: Renewal | undefined;
  /** Which other contexts write the record. */
  readonly shared: "context" | "origin" | "everywhere";
  /** Some endpoint has rejected this generation. */
  readonly isRejected: boolean;
  /** A 401 asks for a refresh, and is not held back. */
  readonly isDemanded: boolean;
  /** By a 401 the token has ended so surely that a replay can revoke nothing any more. */
  readonly isSurelyOver: boolean;
  /** How long ago this generation was committed. */
  readonly generationAge: number;
  /** How long ago this context first saw the intent. */
  readonly intentAge: number;
  /** How long ago this context last looked at the record and saw no such intent. */
  readonly quietAge: number | undefined;
  /** Whether the attempt's context lives, by the lock of the attempt; absent where nobody can tell. */
  readonly isAlive: boolean | undefined;
  /** Peers were asked about this intent, and none claimed it. */
  readonly wasAsked: boolean;
  /** Peers can be asked: the channel says that messages arrive. */
  readonly canAsk: boolean;
  readonly isOnline: boolean;
  /** A back-off in memory alone is over. */
  readonly isRested: boolean;
  /** Something holds the runtime open. */
  readonly isHeldOpen: boolean;
  /** A caller waits for a token that has ended. */
  readonly isWanted: boolean;
}

export type Next =
  /** Nothing is to be done before news comes. */
  | "rest"
  /** Another context refreshes, or it is too early: look again in a while. */
  | "watch"
  /** Ask the peers whether one of them still refreshes. */
  | "ask"
  /** Write the intent and spend the refresh token. */
  | "begin"
  /** Do the same with a refresh token that was sent before, with an unknown outcome. */
  | "recover";

export interface Decision {
  /** The token is served meanwhile. */
  readonly serves: boolean;
  readonly next: Next;
  /** Nobody knows how the last exchange ended, and a replay may revoke a token that still works. */
  readonly isStuck?: true;
  /** Only the application can help; an error code. */
  readonly fails?: "no_session" | "sign_in_required";
}

/** Whether the refresh token is to be spent. */
export const isStep = ({ next }: Decision): boolean => next === "begin" || next === "recover";

/** Whether there is a way to the next token set at all. */
export function isRenewable(
  { refused, tokenSet, material }: Session,
  renewal: Renewal | undefined,
): renewal is Renewal {
  if (!renewal || refused) return false;
  const { needsRefreshToken = true, needsMaterial = false } = renewal;
  return (
    (!needsRefreshToken || !!tokenSet.refreshToken) && (!needsMaterial || material !== undefined)
  );
}

const lifeOf = ({ tokenSet, issuedAt }: Session): number =>
  (tokenSet.expiresAt ?? Infinity) - issuedAt;

/** Whether it is too soon after a commit for the next refresh; a sign-in is none. */
const isTooSoon = ({ generationAge }: Sight, { renewedAt }: Session, floor: number): boolean =>
  renewedAt !== undefined && generationAge < floor;

export function decide(sight: Sight): Decision {
  const { session, renewal, now } = sight;
  if (!session) return { serves: false, next: "rest", fails: "no_session" };
  const { expiresAt = Infinity } = session.tokenSet;
  const isOver = now >= expiresAt || (!!session.refused && sight.isRejected);
  if (!isRenewable(session, renewal))
    return isOver
      ? { serves: false, next: "rest", fails: "sign_in_required" }
      : { serves: true, next: "rest" };
  const isDue = now >= dueAt(session);
  if (!isDue && !sight.isDemanded) return { serves: true, next: "rest" };
  const serves = !isOver && now < expiresAt - leewayOf(lifeOf(session));
  const step = own(spend(sight, session, { renewal, serves }));
  if (step.isStuck) return step;
  const byTime = isDue && !isTooSoon(sight, session, floorOf(lifeOf(session)));
  const by401 = sight.isDemanded && !isTooSoon(sight, session, AFTER_COMMIT);
  if ((!byTime && !by401) || isHindered(sight, session, isOver))
    return { serves: !isOver, next: isOver || sight.isDemanded ? "watch" : "rest" };
  return step;
}

/** Whether a refresh that is due may not begin now. */
function isHindered(sight: Sight, { coolDown }: Session, isOver: boolean): boolean {
  const cooling = (coolDown?.until ?? 0) - sight.now;
  // Browsers are often wrong: where a caller waits for a token that has ended, a refresh is tried (F55).
  const isNeeded = sight.isWanted && (isOver || sight.isDemanded);
  const isOffline = !sight.isOnline && !isNeeded;
  return (
    isOffline ||
    !sight.isRested ||
    !sight.isHeldOpen ||
    (cooling > 0 && cooling <= LONGEST_COOL_DOWN)
  );
}

/** The refresh token was never sent, or nobody knows how that ended (docs/protocol.md, Outcome unknown). */
function spend(
  sight: Sight,
  session: Session,
  { renewal, serves }: { readonly renewal: Renewal; readonly serves: boolean },
): Decision {
  const { intent, tokenSet } = session;
  if (!intent) return { serves, next: "begin" };
  const window = renewal.rotation === "none" ? Infinity : (renewal.reuseWindow ?? 0);
  const age = windowAge(sight, intent.firstSentAt);
  // Half of the window, so that a request that takes its time still arrives inside it.
  const isHarmless = renewal.rotation === "none" || age < window / 2;
  if (!isExchangeOver(sight, session)) {
    if (!isHarmless) return { serves, next: "watch" };
    // One repetition is enough before the exchange is over: the others wait for it (F45).
    if (intent.repeated) return { serves, next: "watch" };
    // The last moment at which a repetition is still harmless. Without rotation there is no such moment.
    const isLast = window < Infinity && age >= window / 2 - Math.min(2_000, window / 10);
    if (sight.wasAsked) return { serves, next: "recover" };
    if (sight.canAsk && sight.isAlive === undefined) return { serves, next: "ask" };
    return { serves, next: isLast ? "recover" : "watch" };
  }
  if (isHarmless) return { serves, next: "recover" };
  // Strict rotation: an early replay may revoke a token that still works.
  const isGood = sight.now < (tokenSet.expiresAt ?? Infinity) && !sight.isSurelyOver;
  if (isGood) return { serves: true, next: "rest", isStuck: true };
  if (sight.intentAge < TRAVEL) return { serves: false, next: "watch" };
  return { serves: false, next: sight.wasAsked ? "recover" : "ask" };
}

/** How long ago the refresh token was first sent, at the most. */
function windowAge({ now, intentAge, quietAge, shared }: Sight, firstSentAt: number): number {
  const byWall = now - firstSentAt;
  if (quietAge !== undefined) return Math.max(byWall, quietAge);
  // This context has not seen the exchange begin: only a clock of the same machine can say when it did.
  if (shared === "everywhere" || byWall < 0) return Infinity;
  return Math.max(byWall, intentAge);
}

/** Whether no context can wait for a reply any more. */
function isExchangeOver(sight: Sight, { intent }: Session): boolean {
  if (!intent || intent.ended || sight.isAlive === false) return true;
  const longest = EXCHANGE + MARGIN;
  if (sight.intentAge > longest) return true;
  // A context that has seen the exchange begin, or sees its lock held, needs no other machine's clock.
  const isYoung = sight.quietAge !== undefined && sight.quietAge <= longest;
  const margin = sight.shared === "everywhere" ? FOREIGN_MARGIN : MARGIN;
  return !isYoung && !sight.isAlive && sight.now > intent.deadline + margin;
}
