/** The durations of the refresh protocol, in milliseconds: each constant has one meaning. */
import type { Session } from "../types.ts";

/** The hard deadline of an exchange, reading the reply included. */
export const EXCHANGE = 15_000;
/** The same where a provider's exchanges wait for each other: a sign-in for a refresh, and for a sign-out. */
export const QUEUED_EXCHANGE = 60_000;
/** How much longer than its deadline others wait before an exchange counts as over. */
export const MARGIN = 2_000;
/** The same by the wall clock alone, where the clocks of several machines differ (F60). */
export const FOREIGN_MARGIN = 300_000;
/** How long peers have to claim a newer token set before a last chance is taken. */
export const CLAIM = 1_000;
/** How long a dead context's request may still travel: under strict rotation nobody sends sooner. */
export const TRAVEL = 5_000;
/** An exchange with less than this left is not begun. */
export const LEAST_EXCHANGE = 1_000;
/** A timer that is later than this has slept, and its context with it. */
export const SLEPT = 1_000;
/** How long a page that is to be left waits for the server to hear of its sign-out. */
export const FAREWELL = 5_000;
/** How long a store may take for one answer. */
export const STORE = 5_000;
/** A change that the store did not take is tried again at least so often. */
export const LONGEST_RETRY = 300_000;
/** How long an attempt waits for the lock that is its sign of life, and for the answer to a probe. */
export const SIGN_OF_LIFE = 1_000;
/** No cool-down is longer, even if `Retry-After` or a jumping clock asks for more. */
export const LONGEST_COOL_DOWN = 300_000;
/** No 401 begins a refresh sooner than this after a commit. */
export const AFTER_COMMIT = 5_000;
/**
 * How long after a write a lagging store may show an older record, Workers KV says a minute or more; and how long a
 * write that was not answered may still be done.
 */
export const LAG = 120_000;

/** Servers count whole seconds, so that a token may end so much earlier than they say; half a life at most. */
const SERVERS_GRAIN = 1_000;

/** How long before a token's end callers wait for the next one: the token may end on its way. */
export const leewayOf = (life: number): number =>
  Math.min(30_000, life / 10 + Math.min(SERVERS_GRAIN, life / 2));

/** When a token is renewed ahead of its end. P18: clients that signed in together must not refresh together. */
export const softTimeOf = (issuedAt: number, life: number, random: number): number =>
  Math.round(issuedAt + life * (0.75 + random * 0.05));

/** From when on a session is to be renewed. In a life of seconds, callers wait before its soft time comes. */
export function dueAt({ refreshAt, tokenSet, issuedAt }: Session): number {
  const { expiresAt = Infinity } = tokenSet;
  if (refreshAt === undefined) return expiresAt;
  return Math.min(refreshAt, expiresAt - leewayOf(expiresAt - issuedAt));
}

/** How soon after a commit time alone may demand the next refresh. */
export const floorOf = (life: number): number => Math.min(60_000, life / 10);

/** A point in time on both clocks: `now` may jump, `running` never goes back. */
export interface Moment {
  readonly now: number;
  readonly running: number;
}

/** In how many milliseconds the session's next term ends, as a hint for timers. */
export function nextLook(session: Session, now: number): number {
  const { coolDown, intent, tokenSet } = session;
  const moments = [
    dueAt(session),
    coolDown?.until,
    intent && intent.deadline + MARGIN,
    tokenSet.expiresAt,
  ];
  const left = moments.map((moment) => (moment ?? 0) - now).filter((ms) => ms > 0);
  return Math.min(...left, Infinity);
}

const SHORTEST_BACK_OFF = 50;
const LONGEST_BACK_OFF = 60_000;
const FIRST_BACK_OFF = 1_000;

/** Full jitter over an exponential back-off of 1 s, 2 s, 4 s … one minute; `Retry-After` is honoured. */
export function backOff(tries: number, jitter: number, retryAfter: number = 0): number {
  const most = Math.min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** (tries - 1));
  const asked = retryAfter * (1 + jitter / 10);
  // A provider may give a value that is no number: stored, it would make the whole record unreadable.
  const wait = Math.max(SHORTEST_BACK_OFF, most * jitter, asked > 0 ? asked : 0);
  return Math.min(wait, LONGEST_COOL_DOWN);
}
