/**
 * What becomes of a session: pure functions from the current record to the next. `undefined` means
 * that the record has moved on, so that there is nothing to write and the record is adopted.
 */
import type { Intent, Session, TokenName } from "../types.ts";
import { EXCHANGE, LONGEST_COOL_DOWN } from "./decide.ts";
import type { Life } from "./lifetime.ts";

/** Writes the intent. A takeover replaces the earlier one but keeps when the token was first sent. */
export function begun(
  session: Session,
  attemptId: string,
  now: number,
  rejected: TokenName | undefined,
  repeated: boolean,
): Session & { readonly intent: Intent } {
  const earlier = session.intent;
  return {
    ...session,
    revision: session.revision + 1,
    ...(rejected?.sessionId === session.sessionId &&
      rejected.generation >= session.generation && { rejected: true }),
    intent: {
      attemptId,
      attempt: Math.max(session.attempt, earlier?.attempt ?? 0) + 1,
      startedAt: earlier?.startedAt ?? now,
      deadline: now + EXCHANGE,
      ...(repeated && { repeated }),
    },
  };
}

/**
 * Commits a new token set. A reply that comes late, after others took over, is committed too while
 * no later attempt's token set stands in the record: a rotated refresh token is never dropped.
 */
export function granted(
  current: Session,
  intent: Intent,
  { tokenSet, ...life }: Life,
  now: number,
  material: unknown,
): Session | undefined {
  if (current.attempt >= intent.attempt) return undefined;
  const { intent: _intent, coolDown: _coolDown, rejected, refused: _refused, ...rest } = current;
  const early = rejected && now < (current.refreshAt ?? Infinity);
  const { refreshToken = current.tokenSet.refreshToken, scope = current.tokenSet.scope } = tokenSet;
  const next: { -readonly [K in keyof Session]: Session[K] } = {
    ...rest,
    ...life,
    generation: current.generation + 1,
    revision: current.revision + 1,
    renewedAt: now,
    attempt: intent.attempt,
    strikes: early ? (current.strikes ?? 0) + 1 : 0,
    // F23: a reply without a refresh token keeps the old one.
    tokenSet: {
      ...tokenSet,
      ...(refreshToken !== undefined && { refreshToken }),
      ...(scope !== undefined && { scope }),
    },
  };
  if (life.refreshAt === undefined) delete next.refreshAt;
  if (material !== undefined) next.material = material;
  return next;
}

/** The refresh token is dead. Only the attempt that holds the record may say so. */
export function refused(current: Session, { attemptId }: Intent): Session | undefined {
  if (current.intent?.attemptId !== attemptId) return undefined;
  const { intent: _intent, coolDown: _coolDown, ...rest } = current;
  return { ...rest, revision: current.revision + 1, refused: true };
}

/** A failure that is no refusal: the session stays, a cool-down is shared by all contexts. */
export function troubled(
  current: Session,
  { attemptId }: Intent,
  trouble: { readonly retryAfter?: number | undefined; readonly unprocessed?: boolean | undefined },
  now: number,
  random: () => number,
): Session | undefined {
  if (current.intent?.attemptId !== attemptId) return undefined;
  const { intent, ...rest } = current;
  const tries = (current.coolDown?.tries ?? 0) + 1;
  // Full jitter over an exponential back-off of 1 s, 2 s, 4 s … one minute.
  const backOff = Math.max(50, Math.min(60_000, 500 * 2 ** Math.min(tries, 7)) * random());
  const wait = Math.max(backOff, (trouble.retryAfter ?? 0) * (1 + random() / 10));
  return {
    ...rest,
    revision: current.revision + 1,
    // Only a reply that proves that nothing was processed allows the same token again.
    ...((!trouble.unprocessed || intent.repeated) && { intent: { ...intent, lost: true } }),
    coolDown: { until: now + Math.min(wait, LONGEST_COOL_DOWN), tries },
  };
}
