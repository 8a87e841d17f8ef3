/** How a piece of news changes the knowledge: pure, one case for each kind of news. */
import { fromRecord } from "../guard/record.ts";
import { isExpected } from "../guard/stored.ts";
import type { Session, TokenName } from "../types.ts";
import { type Begin, type Change, type End, isAhead, preview } from "./changes.ts";
import {
  afterBeginning,
  afterCommit,
  afterPass,
  afterRejection,
  type Endpoints,
  noEndpoints,
} from "./endpoints.ts";
import { type Knowledge, lags, type News, oldestAge, standing, type Unsent } from "./knowledge.ts";
import { backOff, type Moment } from "./timing.ts";

/** How many sessions are remembered by name: a context may live for years, and sign in each minute. */
const MOST_NAMES = 256;

/** Adds a name that is not there yet; the oldest name is forgotten first. */
function withNames(names: ReadonlySet<string>, more: Iterable<string>): ReadonlySet<string> {
  const fresh = [...more].filter((name) => !names.has(name));
  return fresh.length > 0 ? new Set([...names, ...fresh].slice(-MOST_NAMES)) : names;
}

export function learn(known: Knowledge, news: News, at: Moment): Knowledge {
  const next = take(known, news, at);
  const isSame = next.changes === known.changes && next.found === known.found;
  return toldOf(isSame ? next : shown(known, next, at));
}

/** Works out anew which session is served, and since when. */
function shown(before: Knowledge, next: Knowledge, at: Moment): Knowledge {
  const { head, session: stored } = next.found;
  // A session that was ended here is not served again, even if a store shows it.
  const isEnded = !!stored && next.ended.has(stored.sessionId);
  const session = preview(next.changes, { head, session: isEnded ? undefined : stored }, at);
  const isSame = session?.sessionId === before.session?.sessionId;
  const isSameGeneration =
    isSame &&
    session?.generation === before.session?.generation &&
    session?.tokenSet.accessToken === before.session?.tokenSet.accessToken;
  const intent = session?.intent;
  const isOwn = session?.tokenSet.accessToken === next.gotHere;
  // At the look before this one it did not stand yet, nor did its session.
  const notBefore = isOwn ? at.running : before.readAt;
  return {
    ...next,
    session,
    isKnown:
      before.isKnown ||
      session !== undefined ||
      next.found !== before.found ||
      next.changes.some(({ type }) => type === "end"),
    met: session ? withNames(next.met, [session.sessionId]) : next.met,
    generation: isSameGeneration ? next.generation : { since: at.running, notBefore },
    passes: isSameGeneration ? next.passes : 0,
    isHandedOn: isSameGeneration && next.isHandedOn,
    endpoints: isSameGeneration
      ? next.endpoints
      : isSame
        ? committed(next.endpoints, session, at)
        : noEndpoints,
    intent:
      intent?.attemptId === next.intent?.id
        ? next.intent
        : intent && { id: intent.attemptId, since: at.running },
  };
}

const committed = (
  endpoints: Endpoints,
  session: Session | undefined,
  { running }: Moment,
): Endpoints => (session ? afterCommit(endpoints, session.generation, running) : endpoints);

/** One refusal is told once, on whichever way it was met. */
function toldOf(next: Knowledge): Knowledge {
  const { session, told } = next;
  if (!session?.refused || told.has(session.sessionId)) return next;
  return { ...next, told: withNames(told, [session.sessionId]) };
}

/** One kind of news. */
type Of<Type extends News["type"]> = Extract<News, { type: Type }>;

function take(known: Knowledge, news: News, at: Moment): Knowledge {
  switch (news.type) {
    case "read":
      return afterRead(known, news, at);
    case "store-failed":
      return { ...known, lookedAt: at, trouble: news.error, failures: known.failures + 1 };
    case "writing":
      return whileWriting(known, news);
    case "written":
      return afterWrite(known, news, at);
    case "settled":
      return settle(known, news.changes);
    case "unpersisted":
      return afterFailedWrite(known, news);
    case "changed":
      return afterChange(known, news.change);
    case "moved":
      return afterMove(known, news);
    case "refreshing":
      return whileRefreshing(known, news, at);
    case "unsent":
      return { ...known, unsent: unsentBy(known, news.attemptId) };
    case "ended":
      return afterExchange(known, news, at);
    case "rejected":
      return afterRejected(known, news, at);
    case "passed":
      return isOfSession(known, news) ? afterSuccess(known, news, at) : known;
    case "handed-on":
      return isCurrent(known, news) ? { ...known, isHandedOn: true } : known;
    case "probed":
      return { ...known, life: { id: news.attemptId, isAlive: news.isAlive } };
    case "asked":
      return { ...known, askedId: news.attemptId };
    case "claimed":
      return { ...known, isClaimed: known.isClaimed || isOfSession(known, news) };
    case "hushed":
      return { ...known, askedId: undefined, isClaimed: false };
    case "helpless":
      return known.session
        ? { ...known, told: withNames(known.told, [known.session.sessionId]) }
        : known;
    case "woke":
      return { ...known, rest: undefined };
    case "started":
      return known;
  }
}

/** The known changes, with those that begin a session as `next` makes them. */
const withBegins = ({ changes }: Knowledge, next: (change: Begin) => Begin): readonly Change[] =>
  changes.map((change) => (change.type === "begin" ? next(change) : change));

function whileWriting(known: Knowledge, { revision, changes }: Of<"writing">): Knowledge {
  return {
    ...known,
    highest: Math.max(known.highest, revision),
    changes: withBegins(known, (change) =>
      changes.includes(change) ? { ...change, mayBeWritten: true } : change,
    ),
  };
}

function afterWrite(known: Knowledge, news: Of<"written">, at: Moment): Knowledge {
  const { record, changes, askedAt } = news;
  return {
    ...settle(known, changes),
    met: metBy(known),
    // Where the store lags, another context may bring back what was ended here without ever being seen (P4).
    ended: record.tombstone ? withNames(known.ended, [record.sessionId]) : known.ended,
    found: { head: record, session: fromRecord(record) },
    lookedAt: at,
    readAt: askedAt,
    trouble: undefined,
    failures: 0,
    presentAt: at.running,
    quietAt: record.attemptId === undefined ? askedAt : known.quietAt,
  };
}

function afterFailedWrite(known: Knowledge, { isCertain }: Of<"unpersisted">): Knowledge {
  const { head } = known.found;
  const ofBegin = (change: Begin): Begin =>
    isCertain ? { ...change, mayBeWritten: change.session.sessionId === head?.sessionId } : change;
  const isOver = (change: Change): boolean =>
    !!isCertain && change.type === "end" && change.mayArrive !== head?.sessionId;
  return {
    ...known,
    retries: known.retries + 1,
    changes: withBegins(known, ofBegin).map((change) => ({
      ...change,
      ...(isOver(change) && { mayArrive: undefined }),
      isFailed: true,
    })),
  };
}

function afterMove(known: Knowledge, { session }: Of<"moved">): Knowledge {
  const changes = withBegins(known, (change) =>
    change.session.sessionId === session.sessionId ? { ...change, session } : change,
  );
  return { ...known, changes };
}

/** An own attempt begins, or its request leaves, so that what stood before it counts no more. */
function unsentBy(known: Knowledge, attemptId: string | undefined): Unsent | undefined {
  if (attemptId === undefined) return undefined;
  const { intent, unsent } = known;
  const before = intent && unsent?.ids.has(intent.id) ? unsent.ids : [];
  return { ids: new Set([...before, attemptId]), earlier: standing(known) };
}

function whileRefreshing(
  known: Knowledge,
  { causedBy }: Of<"refreshing">,
  { running }: Moment,
): Knowledge {
  const endpoints =
    causedBy === undefined ? known.endpoints : afterBeginning(known.endpoints, causedBy, running);
  return { ...known, endpoints };
}

/** The record that a write has replaced was known too, tombstones included. */
const metBy = ({ met, found: { head } }: Knowledge): ReadonlySet<string> =>
  head ? withNames(met, [head.sessionId]) : met;

const isOfSession = (
  { session }: Knowledge,
  { sessionId }: { readonly sessionId: string },
): boolean => session?.sessionId === sessionId;

/** Whether it names the token set that is served. */
const isCurrent = (known: Knowledge, named: TokenName): boolean =>
  isOfSession(known, named) && named.generation === known.session?.generation;

/** Takes away the changes that are written or need no write. A change that was folded meanwhile is new. */
function settle(known: Knowledge, done: readonly Change[]): Knowledge {
  const changes = known.changes.filter((change) => !done.some((one) => isSameChange(one, change)));
  return { ...known, changes, retries: changes.length ? known.retries : 0 };
}

/** Whether it is the late end of an exchange whose deadline is still to be written. */
const outdoes = (change: Change, earlier: Change): boolean =>
  change.type === "conclude" &&
  earlier.type === "conclude" &&
  change.conclusion.intent.attemptId === earlier.conclusion.intent.attemptId;

/** What a change is made of. */
function contentOf(change: Change): object {
  switch (change.type) {
    case "begin":
    case "restore":
      return change.session;
    case "conclude":
      return change.conclusion;
    case "end":
      return change.sessionIds;
  }
}

/** A sign-in stays the same change when its marks change, and is another when its session has moved on. */
const isSameChange = (one: Change, other: Change): boolean =>
  one.type === other.type && contentOf(one) === contentOf(other);

function afterRead(known: Knowledge, news: Of<"read">, at: Moment): Knowledge {
  const { record, askedAt } = news;
  const read = { ...known, lookedAt: at, reads: known.reads + 1, failures: 0 };
  const session = fromRecord(record);
  if (lags(known, record, askedAt)) return read;
  const restored = restore(known, session);
  // A write that is on its way fails by its compare-and-set once somebody else has written.
  const mayArrive = known.setting.store.atomic && isExpected(record, known.found.head);
  const isWritten = withBegins(known, (change) => ({
    ...change,
    mayBeWritten:
      change.session.sessionId === record?.sessionId || (mayArrive && change.mayBeWritten),
  }));
  return {
    ...read,
    found: { head: record, session },
    readAt: askedAt,
    quietAt: quietAfter(known, session, askedAt),
    presentAt: record ? at.running : known.presentAt,
    changes: restored ? [restored, ...isWritten] : isWritten,
  };
}

/** A store that does not lag has lost a record that is known here, or somebody has written over it. */
function restore(
  { found, changes, ended }: Knowledge,
  session: Session | undefined,
): Change | undefined {
  const isLost = found.session && session && isAhead(found.session, session);
  if (!isLost || ended.has(session.sessionId)) return undefined;
  if (changes.some(({ type }) => type === "restore")) return undefined;
  return { type: "restore", session: found.session, isFailed: false };
}

/** When the refresh token of this record was last known to be unspent. */
function quietAfter(
  known: Knowledge,
  session: Session | undefined,
  askedAt: number,
): number | undefined {
  if (!session?.intent) return askedAt;
  const { session: before } = known.found;
  const isSame =
    before?.sessionId === session.sessionId && before.generation === session.generation;
  // A failed look has not seen the record.
  return isSame ? known.quietAt : known.readAt;
}

/** A tombstone can name one session alone whose write may still arrive. */
const isFoldable = (one: End, next: End): boolean =>
  !one.mayArrive || !next.mayArrive || one.mayArrive === next.mayArrive;

/** Two sign-outs with nothing between them are one, as late as the second. */
const folded = (one: End, next: End): End => ({
  ...next,
  sessionIds: new Set([...one.sessionIds, ...next.sessionIds]),
  mayArrive: next.mayArrive ?? one.mayArrive,
  isFailed: one.isFailed || next.isFailed,
});

function afterChange(known: Knowledge, change: Change): Knowledge {
  if (change.type === "end") {
    const isOver = (one: Change): boolean =>
      (one.type === "begin" && change.sessionIds.has(one.session.sessionId)) ||
      (one.type === "conclude" && change.sessionIds.has(one.sessionId)) ||
      one.type === "restore";
    const others = known.changes.filter((one) => !isOver(one));
    const last = others.at(-1);
    const isOne = last?.type === "end" && isFoldable(last, change);
    const changes = isOne ? [...others.slice(0, -1), folded(last, change)] : [...others, change];
    return { ...known, ended: withNames(known.ended, change.sessionIds), changes };
  }
  if (change.type === "begin") {
    const met = withNames(known.met, [change.session.sessionId]);
    const others = known.changes.filter(({ type }) => type !== "begin");
    // Where memory serves a session that was not stored, it serves the next generation at once.
    const before = known.changes.find((one) => one.type === "begin");
    const isFailed = !!before?.isFailed;
    // The write of the one before it may still take its place.
    const mayBeWritten = change.mayBeWritten || !!before?.mayBeWritten;
    return { ...known, met, changes: [...others, { ...change, isFailed, mayBeWritten }] };
  }
  const outdone = known.changes.filter((one) => outdoes(change, one));
  // Where memory serves what was not stored, it serves what follows at once.
  const isFailed = change.isFailed || outdone.some((one) => one.isFailed);
  const others = known.changes.filter((one) => !outdone.includes(one));
  return { ...known, changes: [...others, { ...change, isFailed }] };
}

function afterSuccess(
  known: Knowledge,
  { endpoint, generation }: Of<"passed">,
  { running }: Moment,
): Knowledge {
  const endpoints = afterPass(known.endpoints, endpoint, { generation, at: running });
  return { ...known, endpoints, passes: known.passes + 1 };
}

function afterExchange(known: Knowledge, news: Of<"ended">, at: Moment): Knowledge {
  const { outcome, sessionId, status, reason, isOffline, jitter } = news;
  const tries = (known.rest?.tries ?? 0) + 1;
  const rest = { until: at.running + backOff(tries, jitter), tries };
  return {
    ...known,
    outcome:
      outcome === "granted"
        ? undefined
        : { type: outcome, sessionId, status, reason, at: at.running },
    rest: outcome === "trouble" && isOffline ? rest : undefined,
    gotHere: news.accessToken ?? known.gotHere,
  };
}

function afterRejected(known: Knowledge, news: Of<"rejected">, at: Moment): Knowledge {
  const { session } = known;
  if (!session || session.sessionId !== news.sessionId) return known;
  const { running } = at;
  const heard =
    // What does not exist yet was let through by nobody (S10).
    news.passed === undefined || news.passed > session.generation
      ? known.endpoints
      : afterPass(known.endpoints, news.endpoint, { generation: news.passed, at: -Infinity });
  const endpoints = afterRejection(heard, {
    endpoint: news.endpoint,
    generation: news.generation,
    at: running,
    age: news.isExcused ? Infinity : isCurrent(known, news) ? oldestAge(known, at) : 0,
    isOwn: isCurrent(known, news) && session.causedBy === news.endpoint,
  });
  return { ...known, endpoints };
}
