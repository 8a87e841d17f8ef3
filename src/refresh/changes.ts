/**
 * Changes that are still to be written, in the order in which they came, and their merge with the record
 * that is found. All functions are pure; the shell writes their result, in one compare-and-set.
 */
import { own } from "../guard/json.ts";
import { toRecord } from "../guard/record.ts";
import type { RecordHead, Session, StoredRecord, TokenSet } from "../types.ts";
import { LAG, type Moment } from "./timing.ts";
import { type Conclusion, concluded } from "./transitions.ts";

/** A sign-in or an adoption. */
export interface Begin {
  readonly type: "begin";
  readonly session: Session;
  /** The record that was known when the change was made: that record is never the later one. */
  readonly basis: RecordHead | undefined;
  /** When the change was made, in running time: a step of the wall clock does not change the order. */
  readonly madeAt: number;
  /** The store did not take the change yet: memory serves it, and marks the session unpersisted. */
  readonly isFailed: boolean;
  /** The adoption was asked for before, and its answer was lost: others may have come since (F101). */
  readonly isAskedAgain?: boolean | undefined;
  /** A write of the change was begun, and is not known to have failed. */
  readonly mayBeWritten: boolean;
}

/** How an exchange of a session ended. */
export interface Conclude {
  readonly type: "conclude";
  readonly sessionId: string;
  readonly conclusion: Conclusion;
  readonly isFailed: boolean;
}

/** A sign-out. */
export interface End {
  readonly type: "end";
  /** The sessions that were known. The sign-out also ends the one that it finds, if that is no later one. */
  readonly sessionIds: ReadonlySet<string>;
  readonly at: Moment;
  /** A session of this context whose write may still arrive. */
  readonly mayArrive: string | undefined;
  /**
   * The id of a tombstone for where nothing is found; present in a store that lags, where a session from before
   * the sign-out may only be late (F33).
   */
  readonly unseen?: string | undefined;
  readonly isFailed: boolean;
}

/** A session that this context knows, and that a store with compare-and-set has lost. */
export interface Restore {
  readonly type: "restore";
  readonly session: Session;
  readonly isFailed: boolean;
}

export type Change = Begin | Conclude | End | Restore;

/** A record as it is, or as a merge makes it. */
export interface Found {
  readonly head: RecordHead | undefined;
  /** Absent in a tombstone, and where the record cannot be opened. */
  readonly session: Session | undefined;
}

export interface Merged {
  /** The record to write; absent where the found record needs no change. */
  readonly record: StoredRecord | undefined;
  /** The session that a sign-out has ended in the record. */
  readonly ended: readonly Session[];
  /** Grants that no context serves any more, to be revoked. */
  readonly dropped: readonly TokenSet[];
}

/** The record that the changes came to, and when. */
interface Course {
  readonly original: Found;
  readonly at: Moment;
}

/** The record after one change; `result` is the same object where nothing changed. */
interface Step {
  readonly result: Found;
  readonly ended?: Session;
  readonly dropped?: TokenSet;
}

/** Whether `session` is a successor of `record`. */
export const isAhead = (session: Session, record: Session): boolean =>
  session.sessionId === record.sessionId &&
  (session.generation > record.generation ||
    (session.generation === record.generation && session.revision > record.revision));

/**
 * Whether a moment by another clock lies after a change that was made `age` ago. A moment in the future
 * says nothing. Wall clocks count whole milliseconds and ages are finer: of two moments within one
 * millisecond, neither is the later one.
 */
const isLater = (told: number | undefined, age: number, now: number): boolean =>
  told !== undefined && told >= now - age + 1 && told <= now;

/** A sign-in that is older is not being written at once: its context may have been frozen. Milliseconds. */
const AT_ONCE = 60_000;

/** Whether the found session was begun, or ended, after this sign-in. */
function yields(change: Begin, { head, session }: Found, { now, running }: Moment): boolean {
  const { basis, madeAt, isFailed, isAskedAgain } = change;
  // A change that is written at once is the latest, even against the clocks. Only one that waits may be late: for its
  // store, or while its context was frozen.
  const hasWaited = isFailed || isAskedAgain || running - madeAt > AT_ONCE;
  if (!head || !hasWaited) return false;
  const isKnown =
    head.sessionId === basis?.sessionId && (!head.tombstone || head.revision <= basis.revision);
  const told = head.tombstone ? head.endedAt : session?.startedAt;
  return !isKnown && isLater(told, running - madeAt, now);
}

/** Whether a sign-out ends the found session. */
export function covers({ sessionIds, at }: End, found: Found, { now, running }: Moment): boolean {
  const { head, session } = found;
  if (!head || head.tombstone) return false;
  return sessionIds.has(head.sessionId) || !isLater(session?.startedAt, running - at.running, now);
}

/** Dated by its running age: a step of the clock makes no change later than the changes after it. */
const endedAtOf = ({ at }: End, { now, running }: Moment): number =>
  Math.floor(now - (running - at.running));

const tombstone = (sessionId: string, endedAt: number): Found => ({
  head: own<RecordHead>({ format: 1, sessionId, revision: 0, tombstone: true, endedAt }),
  session: undefined,
});

const standing = (session: Session): Found => ({ head: toRecord(session), session });

/**
 * `original`: as it was found, before the changes that go before this one. Its own sign-out may have put
 * another tombstone in the place of the one that was found, which is later than the sign-in all the same.
 */
function applyBegin(change: Begin, found: Found, { original, at }: Course): Step {
  const { session } = change;
  if (found.head?.sessionId === session.sessionId) {
    if (found.head.tombstone) return { result: found, dropped: session.tokenSet };
    const isNewer = found.session && session.generation > found.session.generation;
    return { result: isNewer ? standing(session) : found };
  }
  if (yields(change, original.head?.tombstone ? original : found, at))
    return { result: found, dropped: session.tokenSet };
  return { result: standing(session) };
}

function applyConclude({ sessionId, conclusion }: Conclude, found: Found): Step {
  const { session } = found;
  if (session?.sessionId === sessionId) {
    const next = concluded(session, conclusion);
    return { result: next ? standing(next) : found };
  }
  const { got } = conclusion;
  return got ? { result: found, dropped: got.tokenSet } : { result: found };
}

/** A store that lags shows by now what was there before an old sign-out: what is still late was begun after it. */
const unseenBy = ({ unseen, at }: End, { running }: Moment): string | undefined =>
  running - at.running < LAG ? unseen : undefined;

function applyEnd(change: End, found: Found, at: Moment): Step {
  const { mayArrive } = change;
  const { head, session } = found;
  const endedAt = endedAtOf(change, at);
  if (covers(change, found, at) && head) {
    const result = tombstone(head.sessionId, endedAt);
    return session ? { result, ended: session } : { result };
  }
  if (!head) {
    const sessionId = mayArrive ?? unseenBy(change, at);
    return { result: sessionId ? tombstone(sessionId, endedAt) : found };
  }
  if (!head.tombstone) return { result: found };
  // A sign-in that waits in another context, and was begun before either end, must find the later one.
  const latest = Math.max(endedAt, head.endedAt ?? -Infinity);
  const sessionId = mayArrive ?? head.sessionId;
  const isThere = sessionId === head.sessionId && latest === head.endedAt;
  return { result: isThere ? found : tombstone(sessionId, latest) };
}

function applyRestore({ session }: Restore, found: Found): Step {
  const isLost = found.session && isAhead(session, found.session);
  // Above each revision that others may have seen.
  const revision = session.revision + 1;
  return { result: isLost ? standing(own({ ...session, revision })) : found };
}

/** No member but its own: a polluted prototype ends and drops nothing (S15). */
const apply = (change: Change, found: Found, course: Course): Step =>
  own(stepOf(change, found, course));

function stepOf(change: Change, found: Found, course: Course): Step {
  switch (change.type) {
    case "begin":
      return applyBegin(change, found, course);
    case "conclude":
      return applyConclude(change, found);
    case "end":
      return applyEnd(change, found, course.at);
    case "restore":
      return applyRestore(change, found);
  }
}

/**
 * A sign-in whose session was refused before it could be written takes only the place of the session that
 * it replaces: the earlier user is never served again.
 */
const isOfNoUse = ({ session, basis }: Begin, { session: found }: Found): boolean =>
  !!session.refused && !!found && found.sessionId !== basis?.sessionId;

/** However many ends of exchanges a write takes, the record's revision grows by one. */
function inOneStep(next: Found, before: Found): Found {
  if (next === before || !next.session || !before.session) return next;
  return { ...next, session: own({ ...next.session, revision: before.session.revision }) };
}

/**
 * Brings the changes to the record that was found. `highest` is the highest revision that this context
 * has tried to write: a lost session is written above each revision that others may have seen.
 */
export function merge(
  changes: readonly Change[],
  found: Found,
  { highest, ...at }: Moment & { readonly highest: number },
): Merged {
  let result = found;
  const ended: Session[] = [];
  const dropped: TokenSet[] = [];
  for (const change of changes) {
    if (change.type === "begin" && isOfNoUse(change, result)) {
      // Its access token may still be good.
      dropped.push(change.session.tokenSet);
      continue;
    }
    const step = apply(change, result, { original: found, at });
    const isReplaced = change.type === "begin" && step.result !== result && result !== found;
    // A grant that an exchange has brought meanwhile is not stored any more.
    if (isReplaced && result.session) dropped.push(result.session.tokenSet);
    result = change.type === "conclude" ? inOneStep(step.result, result) : step.result;
    if (step.ended) ended.push(step.ended);
    if (step.dropped) dropped.push(step.dropped);
  }
  return {
    record: result === found ? undefined : recordOf(result, found, highest),
    ended,
    dropped,
  };
}

function recordOf(result: Found, found: Found, highest: number): StoredRecord | undefined {
  const { head, session } = result;
  const isSame = session && found.head?.sessionId === session.sessionId;
  const last = found.head?.revision ?? highest;
  const revision = (isSame ? Math.max(last, session.revision - 1) : last) + 1;
  if (session) return toRecord(own({ ...session, revision }));
  return head && own({ ...head, revision });
}

/** The session that memory serves before the changes are written: sign-outs count at once, others once they failed. */
export function preview(changes: readonly Change[], found: Found, at: Moment): Session | undefined {
  let result = found;
  for (const change of changes)
    if (change.isFailed || change.type === "end" || change.type === "restore")
      result = apply(change, result, { original: found, at }).result;
  return result.session;
}
