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

export type Decision =
  /** Serve the token. */
  | "use"
  /** Serve the token, and begin or recover in the background. */
  | "renew"
  /** Serve the token, and ask the peers in the background whether anybody is still at it. */
  | "use-and-ask"
  /** Somebody else is at it, or it is too early: look again in a while. */
  | "wait"
  /** The same, but ask the peers whether they know of a newer token set. */
  | "ask"
  /** Write the intent and spend the refresh token. */
  | "begin"
  /** The same, though the token was sent before and the outcome is unknown. */
  | "recover"
  /** Only a sign-in helps; these are error codes. */
  | "no_session"
  | "sign_in_required";

/** The token may be served meanwhile. */
export const isServing = (decision: Decision): boolean => /^(use|renew)/.test(decision);

/** The refresh token is to be spent. */
export const isStep = (decision: Decision): boolean => /^(begin|recover|renew)$/.test(decision);

/** Somebody else may still be at it. */
export const isAsking = (decision: Decision): boolean => decision.endsWith("ask");

/** Whether `rejected` names this session's current token set, or one that is newer still. */
export const isCurrent = (session: TokenName, rejected: TokenName | undefined): boolean =>
  rejected?.sessionId === session.sessionId && rejected.generation >= session.generation;

/**
 * Says what to do for a caller whose token `rejected` was answered with 401, if any was.
 * `intentAge` is how long ago, in running time, this context first saw the intent; `unsent` names an
 * intent of its own that no request followed; `silent` means that no peer claims this intent.
 */
export function decide(
  session: Session | undefined,
  rejected: TokenName | undefined,
  renewal: Renewal | undefined,
  now: number,
  intentAge: number,
  unsent: string | undefined,
  silent: boolean,
  online: boolean,
): Decision {
  if (!session) return "no_session";
  const { tokenSet, issuedAt, renewedAt = Infinity, strikes = 0, coolDown } = session;
  const { expiresAt = Infinity } = tokenSet;
  const life = expiresAt - issuedAt;
  // A last refresh that lies in the future says only that the clock was set back. The breaker:
  // refreshes that keep being followed by a 401 become rare.
  const early =
    now >= renewedAt &&
    now < renewedAt + Math.min(30_000, life / 20) * 2 ** Math.min(strikes || 1, 7);
  // A 401 so soon after a refresh is not about the token's age: it is returned, not acted upon.
  const ended = session.rejected || (!early && isCurrent(session, rejected));
  const alive = !ended && now < expiresAt;
  if (alive && now < (session.refreshAt ?? expiresAt)) return "use";
  if (
    !renewal ||
    session.refused ||
    (renewal.needsRefreshToken !== false && !tokenSet.refreshToken)
  )
    return alive ? "use" : "sign_in_required";

  const must = !alive || now >= expiresAt - Math.min(30_000, life / 10);
  const cooling = (coolDown?.until ?? 0) - now;
  if (early || !online || (cooling > 0 && cooling <= LONGEST_COOL_DOWN))
    return alive ? "use" : "wait";
  const { intent } = session;
  const isUnsent = intent && intent.attemptId === unsent;
  const spent = intent && !(isUnsent && !intent.repeated);
  if (spent) {
    // Half of the window, so that a request that takes its time still arrives inside it.
    const open = (renewal.reuseWindow ?? 0) / 2;
    const since = now - intent.startedAt;
    const harmless =
      renewal.rotation === "none" || (since >= 0 && since < open && intentAge < open);
    const over =
      isUnsent || intent.lost || now > intent.deadline + MARGIN || intentAge > EXCHANGE + MARGIN;
    if (!over && !(harmless && silent))
      return must ? (harmless ? "ask" : "wait") : harmless ? "use-and-ask" : "use";
    // Strict rotation: an early replay may revoke a token that still works.
    if (!harmless && alive) return "use";
    if (!harmless && !silent) return "ask";
  }
  return must ? (spent ? "recover" : "begin") : "renew";
}

/** In how long something of the session comes to its end, so that it wants looking at: a hint for timers. */
export function nextLook({ refreshAt, coolDown, intent, tokenSet }: Session, now: number): number {
  const moments = [
    refreshAt,
    coolDown?.until,
    intent && intent.deadline + MARGIN,
    tokenSet.expiresAt,
  ];
  return Math.min(...moments.map((moment) => (moment! > now ? moment! - now : Infinity)));
}
