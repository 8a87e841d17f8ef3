/**
 * What one context knows of one account's session: one value, replaced and never changed. `learn` makes
 * the next one from a piece of news; whatever is decided or told is read from it.
 */
import { fromRecord } from "../guard/record.ts";
import type { RecordHead, Renewal, Session, StoredRecord, TokenStore } from "../types.ts";
import { type Begin, type Change, type Found, isAhead, preview } from "./changes.ts";
import {
  afterBeginning,
  afterCommit,
  afterPass,
  afterRejection,
  type Endpoints,
  isRejected,
  noEndpoints,
} from "./endpoints.ts";
import { isRenewable } from "./decide.ts";
import { LAG, type Moment } from "./timing.ts";
import { backOff } from "./transitions.ts";

/** What does not change while a context lives. */
export interface Setting {
  readonly renewal: Renewal | undefined;
  readonly store: Pick<TokenStore, "atomic" | "shared">;
}

export interface Knowledge {
  readonly setting: Setting;
  /** The record as it was last read or written. */
  readonly found: Found;
  /** When the record was last looked at; a look that failed is one too. */
  readonly lookedAt: Moment | undefined;
  /** When the last look that shows what stands was begun, or our own write was taken; running time. */
  readonly readAt: number | undefined;
  /** How many looks have succeeded. */
  readonly reads: number;
  /** What is still to be written, in order. */
  readonly changes: readonly Change[];
  /** The session as this context serves it. */
  readonly session: Session | undefined;
  /** Whether the record has been read, or a session begun here, since the start. */
  readonly isKnown: boolean;
  /** What the store failed with last, and how often in a row. */
  readonly trouble: unknown;
  readonly failures: number;
  /** How often what is still to be written was tried in vain. */
  readonly retries: number;
  /** The sessions that this context has served, begun or replaced, and those that it has ended. */
  readonly met: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
  /** The highest revision that this context has tried to write. */
  readonly highest: number;
  /** When the session here was last written by this context, and not yet seen by a read. */
  readonly unseenSince: number | undefined;
  /** Since when this generation is known; `isFirst` where none was known before. */
  readonly generation: { readonly since: number; readonly isFirst: boolean };
  /** The intent that stands, and since when this context has seen it. */
  readonly intent: { readonly id: string; readonly since: number } | undefined;
  /** When the last look began that saw the refresh token unspent. */
  readonly quietAt: number | undefined;
  /** An intent of this context's own that was not followed by a request. */
  readonly unsentId: string | undefined;
  /** The access token that this context has refreshed last. */
  readonly gotHere: string | undefined;
  /** What the lock of an attempt has said of its context. */
  readonly life: { readonly id: string; readonly isAlive: boolean } | undefined;
  /** The intent about which peers were asked in vain, and whether anybody has claimed it since. */
  readonly askedId: string | undefined;
  readonly isClaimed: boolean;
  readonly endpoints: Endpoints;
  /** The sessions of which this context has told that only a sign-in helps. */
  readonly told: ReadonlySet<string>;
  /** How the last exchange of this context ended. */
  readonly outcome:
    | {
        readonly type: "refused" | "trouble";
        readonly sessionId: string;
        readonly status?: number | undefined;
        readonly at: number;
      }
    | undefined;
  /** A rest in memory alone, because the network was not there. */
  readonly rest: { readonly until: number; readonly tries: number } | undefined;
}

export const nothingKnown = (setting: Setting): Knowledge => ({
  setting,
  found: { head: undefined, session: undefined },
  lookedAt: undefined,
  readAt: undefined,
  reads: 0,
  changes: [],
  session: undefined,
  isKnown: false,
  trouble: undefined,
  failures: 0,
  retries: 0,
  met: new Set(),
  ended: new Set(),
  highest: 0,
  unseenSince: undefined,
  generation: { since: 0, isFirst: true },
  intent: undefined,
  quietAt: undefined,
  unsentId: undefined,
  gotHere: undefined,
  life: undefined,
  askedId: undefined,
  isClaimed: false,
  endpoints: noEndpoints,
  told: new Set(),
  outcome: undefined,
  rest: undefined,
});

/** What a context can hear of. */
export type News =
  /** The store has answered what stands there; `askedAt` is when it was asked, in running time. */
  | { readonly type: "read"; readonly record: StoredRecord | undefined; readonly askedAt: number }
  | { readonly type: "store-failed"; readonly error: unknown }
  /** A write is about to be tried. */
  | { readonly type: "writing"; readonly revision: number; readonly changes: readonly Change[] }
  /** The store has taken a record, or the record that stands already says all of these changes. */
  | { readonly type: "written"; readonly record: StoredRecord; readonly changes: readonly Change[] }
  | { readonly type: "settled"; readonly changes: readonly Change[] }
  /** What was to be written was not taken: from here on memory serves it. */
  | { readonly type: "unpersisted" }
  | { readonly type: "changed"; readonly change: Change }
  /** A session that lives in memory alone has moved on. */
  | { readonly type: "moved"; readonly session: Session }
  | { readonly type: "started"; readonly sessionId: string }
  | {
      readonly type: "refreshing";
      readonly attemptId: string;
      readonly causedBy: string | undefined;
    }
  | { readonly type: "unsent"; readonly attemptId: string | undefined }
  | {
      readonly type: "ended";
      readonly outcome: "granted" | "refused" | "trouble";
      readonly sessionId: string;
      readonly status?: number | undefined;
      /** What was granted. */
      readonly accessToken?: string | undefined;
      readonly isOffline: boolean;
      readonly jitter: number;
    }
  | {
      readonly type: "rejected";
      readonly sessionId: string;
      readonly generation: number;
      readonly endpoint: string;
      readonly passed?: number | undefined;
    }
  | {
      readonly type: "passed";
      readonly sessionId: string;
      readonly generation: number;
      readonly endpoint: string;
    }
  | { readonly type: "probed"; readonly attemptId: string; readonly isAlive: boolean }
  /** Peers were asked, and a second has passed. */
  | { readonly type: "asked"; readonly attemptId: string | undefined }
  | { readonly type: "claimed"; readonly sessionId: string }
  /** What peers said is forgotten. */
  | { readonly type: "hushed" }
  /** A caller was told that nothing is to be had. */
  | { readonly type: "failed"; readonly code: string }
  /** The network may be there again. */
  | { readonly type: "woke" };

/** A session begun here that no store is known to have: only this memory can spend its token. */
export function beginningAlone({ changes, session }: Knowledge): Begin | undefined {
  const begin = changes.find((change) => change.type === "begin");
  const isAlone = begin?.isFailed && !begin.mayBeWritten;
  return isAlone && begin.session.sessionId === session?.sessionId ? begin : undefined;
}

export const isPersisted = ({ changes }: Knowledge): boolean =>
  !changes.some(({ isFailed }) => isFailed);

/** Whether a sign-in is what the application has to ask for. */
export const needsSignIn = ({ session, setting, endpoints }: Knowledge, now: number): boolean => {
  if (!session || isRenewable(session, setting.renewal)) return false;
  const isOver = now >= (session.tokenSet.expiresAt ?? Infinity);
  return isOver || isRejected(endpoints, session.generation);
};

export function learn(known: Knowledge, news: News, at: Moment): Knowledge {
  const next = take(known, news, at);
  const isSame = next.changes === known.changes && next.found === known.found;
  return toldOf(isSame ? next : shown(known, next, at));
}

/** Works out anew what is served, and since when. */
function shown(before: Knowledge, next: Knowledge, at: Moment): Knowledge {
  const session = preview(next.changes, next.found, at);
  const isSame = session?.sessionId === before.session?.sessionId;
  const isSameGeneration = isSame && session?.generation === before.session?.generation;
  const { intent } = session ?? {};
  return {
    ...next,
    session,
    isKnown:
      before.isKnown ||
      session !== undefined ||
      next.found !== before.found ||
      next.changes.some(({ type }) => type === "end"),
    met:
      session && !next.met.has(session.sessionId)
        ? new Set([...next.met, session.sessionId])
        : next.met,
    generation: isSameGeneration
      ? next.generation
      : { since: at.running, isFirst: !isSame || !before.session },
    endpoints: isSame ? endpointsOf(next, session, isSameGeneration, at) : noEndpoints,
    intent:
      intent?.attemptId === next.intent?.id
        ? next.intent
        : intent && { id: intent.attemptId, since: at.running },
  };
}

const endpointsOf = (
  { endpoints }: Knowledge,
  session: Session | undefined,
  isSameGeneration: boolean,
  { running }: Moment,
): Endpoints =>
  session && !isSameGeneration ? afterCommit(endpoints, session.generation, running) : endpoints;

/** One refusal is told once, whichever way it was met. */
function toldOf(next: Knowledge): Knowledge {
  const { session, told, setting, endpoints } = next;
  if (!session || told.has(session.sessionId)) return next;
  const isHelpless =
    !isRenewable(session, setting.renewal) && isRejected(endpoints, session.generation);
  if (!session.refused && !isHelpless) return next;
  return { ...next, told: new Set([...told, session.sessionId]) };
}

function take(known: Knowledge, news: News, at: Moment): Knowledge {
  switch (news.type) {
    case "read":
      return afterRead(known, news, at);
    case "store-failed":
      return {
        ...known,
        lookedAt: at,
        trouble: news.error,
        failures: known.failures + 1,
      };
    case "writing":
      return {
        ...known,
        highest: Math.max(known.highest, news.revision),
        changes: known.changes.map((change) =>
          change.type === "begin" && news.changes.includes(change)
            ? { ...change, mayBeWritten: true }
            : change,
        ),
      };
    case "written":
      return {
        ...settle(known, news.changes),
        met: metBy(known),
        found: { head: news.record, session: fromRecord(news.record) },
        lookedAt: at,
        readAt: at.running,
        failures: 0,
        unseenSince: at.running,
        quietAt: news.record.attemptId === undefined ? at.running : known.quietAt,
      };
    case "settled":
      return settle(known, news.changes);
    case "unpersisted":
      return {
        ...known,
        retries: known.retries + 1,
        changes: known.changes.map((change) => ({ ...change, isFailed: true })),
      };
    case "changed":
      return afterChange(known, news.change);
    case "moved":
      return {
        ...known,
        changes: known.changes.map((change) =>
          change.type === "begin" && change.session.sessionId === news.session.sessionId
            ? { ...change, session: news.session }
            : change,
        ),
      };
    case "refreshing":
      return {
        ...known,
        unsentId: news.attemptId,
        endpoints:
          news.causedBy === undefined
            ? known.endpoints
            : afterBeginning(known.endpoints, news.causedBy, at.running),
      };
    case "unsent":
      return { ...known, unsentId: news.attemptId };
    case "ended":
      return afterExchange(known, news, at);
    case "rejected":
      return afterRejected(known, news, at);
    case "passed":
      return isOfSession(known, news)
        ? {
            ...known,
            endpoints: afterPass(known.endpoints, news.endpoint, {
              generation: news.generation,
              at: at.running,
            }),
          }
        : known;
    case "probed":
      return { ...known, life: { id: news.attemptId, isAlive: news.isAlive } };
    case "asked":
      return { ...known, askedId: news.attemptId };
    case "claimed":
      return { ...known, isClaimed: known.isClaimed || isOfSession(known, news) };
    case "hushed":
      return { ...known, askedId: undefined, isClaimed: false };
    case "failed":
      return known.session && news.code === "sign_in_required"
        ? { ...known, told: new Set([...known.told, known.session.sessionId]) }
        : known;
    case "woke":
      return { ...known, rest: undefined };
    case "started":
      return known;
  }
}

/** What a write has replaced was known too, be it a tombstone. */
const metBy = ({ met, found: { head } }: Knowledge): ReadonlySet<string> =>
  head && !met.has(head.sessionId) ? new Set([...met, head.sessionId]) : met;

const isOfSession = (
  { session }: Knowledge,
  { sessionId }: { readonly sessionId: string },
): boolean => session?.sessionId === sessionId;

/** Takes away what has been written or need not be. What was folded meanwhile has come anew. */
function settle(known: Knowledge, done: readonly Change[]): Knowledge {
  const changes = known.changes.filter((change) => !done.some((one) => isSameChange(one, change)));
  return { ...known, changes, retries: changes.length ? known.retries : 0 };
}

/** A begin is the same though its marks have changed, but not when its session has moved on. */
const isSameChange = (one: Change, other: Change): boolean =>
  one === other ||
  (one.type === other.type &&
    (one.type === "begin" || one.type === "restore"
      ? one.session === (other as typeof one).session
      : one.type === "conclude"
        ? one.conclusion === (other as typeof one).conclusion
        : one.sessionIds === (other as typeof one).sessionIds));

function afterRead(known: Knowledge, news: Extract<News, { type: "read" }>, at: Moment): Knowledge {
  const { record, askedAt } = news;
  const read = { ...known, lookedAt: at, reads: known.reads + 1, failures: 0 };
  const session = record && !known.ended.has(record.sessionId) ? fromRecord(record) : undefined;
  if (lags(known, record, at)) return read;
  const restored = restore(known, session);
  const isWritten = known.changes.map((change) =>
    change.type === "begin" && change.isFailed
      ? { ...change, mayBeWritten: change.session.sessionId === record?.sessionId }
      : change,
  );
  return {
    ...read,
    found: { head: record, session },
    readAt: askedAt,
    quietAt: quietAfter(known, session, askedAt),
    unseenSince: undefined,
    changes: restored ? [restored, ...isWritten] : isWritten,
  };
}

/** A store that lags never brings back what came before, nor an absence from before the first write (F33, F58). */
export function lags(
  { found, unseenSince, setting, met }: Knowledge,
  record: RecordHead | undefined,
  at: Moment,
): boolean {
  if (setting.store.atomic || !found.head) return false;
  const isUnseen = unseenSince !== undefined && at.running - unseenSince < LAG;
  if (!record) return isUnseen;
  if (record.sessionId === found.head.sessionId) return record.revision < found.head.revision;
  return isUnseen && met.has(record.sessionId);
}

/** A store that compares and sets does not lag: it has lost what is known here. */
function restore({ found, changes }: Knowledge, session: Session | undefined): Change | undefined {
  const isLost = found.session && session && isAhead(found.session, session);
  if (!isLost || changes.some(({ type }) => type === "restore")) return undefined;
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
  // A look that failed has seen nothing of it.
  return isSame ? known.quietAt : known.readAt;
}

function afterChange(known: Knowledge, change: Change): Knowledge {
  if (change.type === "end") {
    const isOver = (one: Change): boolean =>
      (one.type === "begin" && change.sessionIds.has(one.session.sessionId)) ||
      (one.type === "conclude" && change.sessionIds.has(one.sessionId)) ||
      one.type === "restore";
    return {
      ...known,
      ended: new Set([...known.ended, ...change.sessionIds]),
      changes: [...known.changes.filter((one) => !isOver(one)), change],
    };
  }
  if (change.type === "begin") {
    const met = new Set([...known.met, change.session.sessionId]);
    return {
      ...known,
      met,
      changes: [...known.changes.filter(({ type }) => type !== "begin"), change],
    };
  }
  return { ...known, changes: [...known.changes, change] };
}

function afterExchange(
  known: Knowledge,
  news: Extract<News, { type: "ended" }>,
  at: Moment,
): Knowledge {
  const { outcome, sessionId, status, isOffline, jitter } = news;
  const tries = (known.rest?.tries ?? 0) + 1;
  const rest = { until: at.running + backOff(tries, jitter), tries };
  return {
    ...known,
    outcome:
      outcome === "granted" ? undefined : { type: outcome, sessionId, status, at: at.running },
    rest: outcome === "trouble" && isOffline ? rest : undefined,
    gotHere: news.accessToken ?? known.gotHere,
  };
}

function afterRejected(
  known: Knowledge,
  news: Extract<News, { type: "rejected" }>,
  at: Moment,
): Knowledge {
  const { session, generation } = known;
  if (!session || session.sessionId !== news.sessionId) return known;
  const { running } = at;
  const isCurrent = session.generation === news.generation;
  const heard =
    news.passed === undefined
      ? known.endpoints
      : afterPass(known.endpoints, news.endpoint, { generation: news.passed, at: -Infinity });
  const byWall = at.now - (session.renewedAt ?? -Infinity);
  const endpoints = afterRejection(heard, {
    endpoint: news.endpoint,
    generation: news.generation,
    at: running,
    age: isCurrent ? (generation.isFirst && byWall >= 0 ? byWall : running - generation.since) : 0,
    isOwn: isCurrent && session.causedBy === news.endpoint,
  });
  return { ...known, endpoints };
}
