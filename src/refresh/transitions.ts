/**
 * The transitions of a session: pure functions from the current record to the next. `undefined` means that
 * the record has moved on, so that nothing is written and the record is adopted. No session
 * has a prototype: what somebody puts on `Object.prototype` would refuse it, or cool it down (F67).
 */
import type { Life } from "../grant/lifetime.ts";
import { shortHash } from "../guard/hash.ts";
import { own } from "../guard/json.ts";
import type { Intent, Outcome, Session } from "../types.ts";
import { backOff, EXCHANGE } from "./timing.ts";

export type Trouble = Extract<Outcome, { type: "trouble" }>;

/** The facts of an attempt before it writes its intent. */
export interface Beginning {
  readonly attemptId: string;
  readonly now: number;
  /** The standing intent is this context's own, and no request followed it. */
  readonly isUnsent: boolean;
  readonly lock: string | undefined;
  readonly causedBy: string | undefined;
}

/** The highest number that an attempt of the session has had. */
const lastAttemptOf = ({ attempt, lastAttempt, intent }: Session): number =>
  Math.max(attempt, lastAttempt ?? 0, intent?.attempt ?? 0);

/** Writes the intent. A takeover replaces the earlier one but keeps when the token was first sent. */
export function begun(session: Session, beginning: Beginning): Session {
  const { attemptId, now, isUnsent, lock, causedBy } = beginning;
  const { intent, tokenSet, sessionId, revision } = session;
  return own({
    ...session,
    revision: revision + 1,
    intent: own({
      attemptId,
      // An intent is always newer than the record.
      attempt: lastAttemptOf(session) + 1,
      refreshTokenHash: tokenSet.refreshToken && shortHash(sessionId + tokenSet.refreshToken),
      firstSentAt: intent?.firstSentAt ?? now,
      deadline: now + EXCHANGE,
      repeated: !!intent && (intent.repeated || !isUnsent),
      lock,
      causedBy: causedBy ?? intent?.causedBy,
    }),
  });
}

/** The part of a session that a grant decides: its life, when it is renewed, and by whose time it was signed. */
export type DatedGrant = Life & Pick<Session, "refreshAt" | "refreshTokenLost" | "skew">;

/** What came of an intent: an exchange's outcome, or nothing, because no exchange was made. */
export type Ending =
  | Outcome
  | {
      readonly type: "unsent";
      /** The intent that stood in the record before. */
      readonly earlier: Intent | undefined;
      readonly status?: undefined;
      readonly reason?: undefined;
    };

/** How an exchange ended, with the life of a usable grant. */
export interface Conclusion {
  readonly intent: Intent;
  readonly outcome: Ending;
  readonly got: DatedGrant | undefined;
  readonly now: number;
  /** Jitter, from 0 to 1. */
  readonly jitter: number;
  /** The network was not there, so that only this context rests. */
  readonly isOffline: boolean;
}

/**
 * Commits a new token set. A reply that comes late, after others took over, is committed too while
 * no later attempt's token set stands in the record: a rotated refresh token is never dropped.
 */
function granted(
  current: Session,
  life: DatedGrant,
  { intent, now }: Conclusion,
): Session | undefined {
  const { attempt, causedBy } = intent;
  if (current.attempt >= attempt) return undefined;
  const { sessionId, startedAt, generation, revision, tokenSet, material, profile } = current;
  const { refreshToken, scope } = life.tokenSet;
  const earlier = life.refreshTokenLost ? undefined : tokenSet.refreshToken;
  const last = lastAttemptOf(current);
  // Intent, cool-down and refusal were about the old token set.
  return own({
    ...life,
    sessionId,
    startedAt,
    revision: revision + 1,
    material: life.material ?? material,
    profile: life.profile ?? profile,
    tokenSet: {
      ...life.tokenSet,
      // A reply without a refresh token keeps the old one (F23), but not where the reply had one that is lost (P2).
      refreshToken: refreshToken ?? earlier,
      scope: scope ?? tokenSet.scope,
    },
    generation: generation + 1,
    renewedAt: now,
    causedBy,
    attempt,
    lastAttempt: last > attempt ? last : undefined,
  } satisfies Session);
}

/** A failure that is no refusal: the session stays, a cool-down is shared by all contexts. */
function troubled(current: Session, trouble: Trouble, conclusion: Conclusion): Session {
  const { intent, now, jitter, isOffline } = conclusion;
  const { retryAfter, unprocessed } = trouble;
  const tries = (current.coolDown?.tries ?? 0) + 1;
  const coolDown = { until: now + backOff(tries, jitter, retryAfter), tries };
  return own({
    ...current,
    revision: current.revision + 1,
    // Only a reply that proves that nothing was ever processed allows the same token again.
    intent: unprocessed && !intent.repeated ? undefined : own({ ...intent, ended: true as const }),
    coolDown: isOffline ? current.coolDown : coolDown,
  });
}

/** The session after the end of an exchange. */
export function concluded(current: Session, conclusion: Conclusion): Session | undefined {
  const { intent, outcome, got } = conclusion;
  if (got) return granted(current, got, conclusion);
  // Only the attempt that holds the record may tell of a failure.
  if (current.intent?.attemptId !== intent.attemptId) return undefined;
  if (outcome.type === "trouble") return troubled(current, outcome, conclusion);
  // A grant that cannot be used tells nothing of its own.
  if (outcome.type === "granted") return troubled(current, own({ type: "trouble" }), conclusion);
  const revision = current.revision + 1;
  // Nobody is to wait for an exchange that is not made.
  if (outcome.type === "unsent") return own({ ...current, revision, intent: outcome.earlier });
  // The refresh token is dead.
  return own({ ...current, revision, intent: undefined, coolDown: undefined, refused: true });
}
