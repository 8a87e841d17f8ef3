/**
 * What becomes of a session: pure functions from the current record to the next. `undefined` means
 * that the record has moved on, so that there is nothing to write and the record is adopted.
 */
import type { Intent, Outcome, Session, TokenName } from "../types.ts";
import { EXCHANGE, isCurrent, LONGEST_COOL_DOWN } from "./decide.ts";
import type { Life } from "../grant/lifetime.ts";

export type Trouble = Extract<Outcome, { type: "trouble" }>;

const next = (session: Session, changes: Partial<Session>): Session => ({
  ...session,
  revision: session.revision + 1,
  ...changes,
});

/**
 * Writes the intent. A takeover replaces the earlier one but keeps when the token was first sent.
 * `unsent` names an intent that no request followed.
 */
export function begun(
  session: Session,
  rejected: TokenName | undefined,
  attemptId: string,
  now: number,
  unsent?: string,
): Session {
  const { intent } = session;
  return next(session, {
    rejected: session.rejected || isCurrent(session, rejected) || undefined,
    intent: {
      attemptId,
      // An intent is always newer than what stands.
      attempt: (intent ?? session).attempt + 1,
      startedAt: intent?.startedAt ?? now,
      deadline: now + EXCHANGE,
      repeated: !!intent && (intent.repeated || intent.attemptId !== unsent),
    },
  });
}

/**
 * Commits a new token set. A reply that comes late, after others took over, is committed too while
 * no later attempt's token set stands in the record: a rotated refresh token is never dropped.
 */
function granted(
  current: Session,
  { attempt }: Intent,
  life: Life,
  now: number,
): Session | undefined {
  const { sessionId, generation, revision, tokenSet, refreshAt, strikes = 0, material } = current;
  const { refreshToken, scope } = life.tokenSet;
  if (current.attempt >= attempt) return undefined;
  // Intent and cool-down, what was rejected or refused: all of it has been about the old token set.
  return {
    ...life,
    sessionId,
    revision: revision + 1,
    material: life.material ?? material,
    // F23: a reply without a refresh token keeps the old one.
    tokenSet: {
      ...life.tokenSet,
      refreshToken: refreshToken ?? tokenSet.refreshToken,
      scope: scope ?? tokenSet.scope,
    },
    generation: generation + 1,
    renewedAt: now,
    attempt,
    strikes: current.rejected && !(now >= refreshAt!) ? strikes + 1 : 0,
  };
}

/** A failure that is no refusal: the session stays, a cool-down is shared by all contexts. */
function troubled(
  current: Session,
  intent: Intent,
  now: number,
  random: number,
  { retryAfter = 0, unprocessed }: Trouble,
): Session {
  const tries = (current.coolDown?.tries ?? 0) + 1;
  // Full jitter over an exponential back-off of 1 s, 2 s, 4 s … one minute.
  const backOff = Math.max(50, Math.min(60_000, 500 * 2 ** tries) * random);
  const wait = Math.max(backOff, retryAfter * (1 + random / 10));
  return next(current, {
    // Only a reply that proves that nothing was ever processed allows the same token again.
    intent: unprocessed && !intent.repeated ? undefined : { ...intent, lost: true },
    coolDown: { until: now + Math.min(wait, LONGEST_COOL_DOWN), tries },
  });
}

/** What the end of an exchange makes of the session; `life` is what a usable grant has brought. */
export function concluded(
  current: Session,
  intent: Intent,
  outcome: Outcome,
  life: Life | undefined,
  now: number,
  random: number,
): Session | undefined {
  if (life) return granted(current, intent, life, now);
  // Only the attempt that holds the record may tell of a failure.
  if (current.intent?.attemptId !== intent.attemptId) return undefined;
  return outcome.type === "refused"
    ? // The refresh token is dead.
      next(current, { intent: undefined, coolDown: undefined, refused: true })
    : troubled(current, intent, now, random, outcome as Trouble);
}
