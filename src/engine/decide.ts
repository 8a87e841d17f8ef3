/**
 * The refresh protocol's decisions: one pure function. It looks at a session, the time and what
 * this context knows, and says what to do. The shell in `engine.ts` does it and decides nothing.
 */
import type { Renewal, Session, TokenName } from "../types.ts";

/** The hard deadline of an exchange, reading the reply included. */
export const EXCHANGE = 15_000;
/** How much longer others wait before they take an exchange for lost. */
export const MARGIN = 2_000;
/** How long peers have to claim a newer token set before a last chance is taken. */
export const CLAIM = 1_000;
/** No cool-down is longer, whatever `Retry-After` or a jumping clock say. */
export const LONGEST_COOL_DOWN = 300_000;

/** What decisions rest on besides the session. */
export interface Facts {
  readonly now: number;
  readonly renewal: Renewal | undefined;
  /** How long ago, in running time, this context first saw the intent. */
  readonly intentAge: number;
  /** Peers were asked about this intent, and none claimed it. */
  readonly silent: boolean;
  /** The intent is this context's own, and no request followed it. */
  readonly unsent: boolean;
  readonly online: boolean;
}

export type Decision =
  /** Serve the token; where `renew` is set, do that in the background. */
  | { readonly type: "use"; readonly renew?: "begin" | "recover" }
  | { readonly type: "wait"; readonly for: "attempt" | "peers" | "pause"; readonly ms: number }
  /** Write the intent and spend the refresh token. */
  | { readonly type: "begin" }
  /** The same, though the refresh token was sent before and the outcome is unknown. */
  | { readonly type: "recover" }
  | { readonly type: "sign-in"; readonly code: "no_session" | "sign_in_required" };

const USE: Decision = { type: "use" };

/** Whether `rejected` names this session's current token set (or a newer one). */
function isCurrent(session: Session, rejected: TokenName | undefined): boolean {
  return rejected?.sessionId === session.sessionId && rejected.generation >= session.generation;
}

/** The part of the interval between two refreshes that has not yet passed. */
function pause(session: Session, now: number): number {
  const { renewedAt, tokenSet, issuedAt, strikes = 0 } = session;
  // A last refresh that lies in the future says only that the clock was set back.
  if (renewedAt === undefined || now < renewedAt) return 0;
  const life = (tokenSet.expiresAt ?? Infinity) - issuedAt;
  // The breaker: refreshes that keep being followed by a 401 become rare.
  return renewedAt + Math.min(60_000, life / 10) * 2 ** Math.min(Math.max(strikes - 1, 0), 6) - now;
}

/** Whether another try with a refresh token that may have been spent costs nothing. */
function mayRepeat(session: Session, { renewal, now, intentAge }: Facts): boolean {
  if (renewal?.rotation === "none") return true;
  // Half of the window, so that the request still arrives inside it.
  const open = (renewal?.reuseWindow ?? 0) / 2;
  const since = now - (session.intent?.startedAt ?? 0);
  return since >= 0 && since < open && intentAge < open;
}

/** Says what to do for a caller whose token `rejected` was answered with 401, if any was. */
export function decide(
  session: Session | undefined,
  rejected: TokenName | undefined,
  facts: Facts,
): Decision {
  if (!session) return { type: "sign-in", code: "no_session" };
  const { now, renewal } = facts;
  const { tokenSet, intent, coolDown } = session;
  const { expiresAt = Infinity } = tokenSet;
  const interval = pause(session, now);
  // A 401 so soon after a refresh is not about the token's age: it is returned, not acted upon.
  const ended = session.rejected || (interval <= 0 && isCurrent(session, rejected));
  const alive = !ended && now < expiresAt;
  if (alive && now < (session.refreshAt ?? expiresAt)) return USE;

  const renewable =
    renewal &&
    !session.refused &&
    (renewal.needsRefreshToken === false || tokenSet.refreshToken !== undefined);
  if (!renewable) return alive ? USE : { type: "sign-in", code: "sign_in_required" };

  const leeway = Math.min(30_000, (expiresAt - session.issuedAt) / 10);
  const must = !alive || now >= expiresAt - leeway;
  const cooling = coolDown ? coolDown.until - now : 0;
  let hold: Decision | undefined;
  if (interval > 0) hold = { type: "wait", for: "pause", ms: interval };
  else if (!facts.online) hold = { type: "wait", for: "pause", ms: MARGIN };
  else if (cooling > 0 && cooling <= LONGEST_COOL_DOWN)
    hold = { type: "wait", for: "pause", ms: cooling };
  else if (intent && !facts.unsent) {
    const over =
      intent.lost || now > intent.deadline + MARGIN || facts.intentAge > EXCHANGE + MARGIN;
    const repeat = mayRepeat(session, facts);
    if (!over && !(repeat && facts.silent))
      return must ? { type: "wait", for: repeat ? "peers" : "attempt", ms: CLAIM } : USE;
    // Strict rotation: an early replay may revoke a token that still works.
    if (!repeat && alive) return USE;
    if (!repeat && !facts.silent) hold = { type: "wait", for: "peers", ms: CLAIM };
  }
  if (hold) return alive ? USE : hold;
  const type = intent && !facts.unsent ? "recover" : "begin";
  return must ? { type } : { type: "use", renew: type };
}

/** When to look at the session again, though nobody asks: a hint for timers. */
export function nextLook({ refreshAt, coolDown, intent, tokenSet }: Session, now: number): number {
  const moments = [refreshAt, coolDown?.until, intent && intent.deadline + MARGIN];
  const next = [...moments, tokenSet.expiresAt].filter((moment) => moment! > now) as number[];
  return Math.min(...next, refreshAt === undefined || next.length ? Infinity : now + 60_000);
}
