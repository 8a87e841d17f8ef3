/**
 * The knowledge of one context about one account's session: one value, which is replaced and never
 * changed. `learn` makes the next value from a piece of news; decisions and events are read from it.
 */
import type { VaultErrorReason } from "../errors.ts";
import { own } from "../guard/json.ts";
import type {
  Intent,
  RecordHead,
  RejectedToken,
  Renewal,
  Session,
  StoredRecord,
  TokenName,
  TokenStore,
} from "../types.ts";
import type { Begin, Change, Conclude, Found } from "./changes.ts";
import { type Endpoints, isRejected, noEndpoints } from "./endpoints.ts";
import { isRenewable } from "./decide.ts";
import { FOREIGN_MARGIN, LAG, type Moment } from "./timing.ts";

/** Facts that do not change while a context lives. */
export interface Setting {
  readonly renewal: Renewal | undefined;
  readonly store: Pick<TokenStore, "atomic" | "shared">;
}

/** An intent, and since when this context has seen it, in running time. */
export interface Standing {
  readonly intent: Intent;
  readonly since: number;
}

export interface Unsent {
  /** More than one, where nobody knows which the store has taken. */
  readonly ids: ReadonlySet<string>;
  readonly earlier: Standing | undefined;
}

export interface Knowledge {
  readonly setting: Setting;
  /** The record as it was last read or written. */
  readonly found: Found;
  /** When the record was last looked at, a failed look included. */
  readonly lookedAt: Moment | undefined;
  /** When the last successful look was begun, or a write of this context was taken; running time. */
  readonly readAt: number | undefined;
  /** How many looks have succeeded. */
  readonly reads: number;
  /** The changes that are still to be written, in order. */
  readonly changes: readonly Change[];
  /** The session as this context serves it. */
  readonly session: Session | undefined;
  /** Whether the record has been read, or a session begun here, since the start. */
  readonly isKnown: boolean;
  /** The store's last failure, and how many came in a row. */
  readonly trouble: unknown;
  readonly failures: number;
  /** How often the changes were tried in vain. */
  readonly retries: number;
  /** The sessions that this context has served, begun or replaced, and the sessions that it has ended. */
  readonly met: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
  /** The highest revision that this context has tried to write. */
  readonly highest: number;
  /** When a record was last seen or written. */
  readonly presentAt: number | undefined;
  /** Since when this generation is known, and when another still stood; absent for the first one. */
  readonly generation: { readonly since: number; readonly notBefore: number | undefined };
  /** The intent that stands, and since when this context has seen it. */
  readonly intent: { readonly id: string; readonly since: number } | undefined;
  /** When the last look began that saw the refresh token unspent. */
  readonly quietAt: number | undefined;
  /** Intents of this context's own that no request followed, and the one that stood before them. */
  readonly unsent: Unsent | undefined;
  /** The access token that this context has refreshed last. */
  readonly gotHere: string | undefined;
  /** Whether the context of an attempt lives, by its lock. */
  readonly life: { readonly id: string; readonly isAlive: boolean } | undefined;
  /** The intent about which peers were asked in vain, and whether a peer has claimed it since. */
  readonly askedId: string | undefined;
  readonly isClaimed: boolean;
  readonly endpoints: Endpoints;
  /** How many successes of this generation were noted. */
  readonly passes: number;
  /** Others have had this generation's token, and endpoints may have let it through for them. */
  readonly isHandedOn: boolean;
  /** The sessions about which this context has told that only a sign-in helps. */
  readonly told: ReadonlySet<string>;
  /** How the last exchange of this context ended. */
  readonly outcome:
    | {
        readonly type: "refused" | "trouble";
        readonly sessionId: string;
        readonly status?: number | undefined;
        readonly reason?: VaultErrorReason | undefined;
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
  presentAt: undefined,
  generation: { since: 0, notBefore: undefined },
  intent: undefined,
  quietAt: undefined,
  unsent: undefined,
  gotHere: undefined,
  life: undefined,
  askedId: undefined,
  isClaimed: false,
  endpoints: noEndpoints,
  passes: 0,
  isHandedOn: false,
  told: new Set(),
  outcome: undefined,
  rest: undefined,
});

/** The news that a context can hear. */
export type News =
  /** The store has answered with its record; `askedAt` is when it was asked, in running time. */
  | { readonly type: "read"; readonly record: StoredRecord | undefined; readonly askedAt: number }
  | { readonly type: "store-failed"; readonly error: unknown }
  /** A write is about to be tried. */
  | { readonly type: "writing"; readonly revision: number; readonly changes: readonly Change[] }
  /** The store has taken a record, or its record holds all of these changes already. */
  | {
      readonly type: "written";
      readonly record: StoredRecord;
      readonly changes: readonly Change[];
      readonly askedAt: number;
    }
  | { readonly type: "settled"; readonly changes: readonly Change[] }
  /** The store did not take the changes: from here on memory serves them. */
  | {
      readonly type: "unpersisted";
      /** No write that was begun may still arrive: the last look shows what it has done. */
      readonly isCertain?: boolean;
    }
  | { readonly type: "changed"; readonly change: Change }
  /** A session that lives in memory alone has moved on. */
  | { readonly type: "moved"; readonly session: Session }
  | { readonly type: "started"; readonly sessionId: string }
  | { readonly type: "refreshing"; readonly causedBy: string | undefined }
  | { readonly type: "unsent"; readonly attemptId: string | undefined }
  | {
      readonly type: "ended";
      readonly outcome: "granted" | "refused" | "trouble";
      readonly sessionId: string;
      readonly status?: number | undefined;
      readonly reason?: VaultErrorReason | undefined;
      /** The session that was granted. */
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
      /** The 401 has told the server's time anew: a token that was signed by the wrong time had to fail. */
      readonly isExcused?: boolean | undefined;
    }
  | {
      readonly type: "passed";
      readonly sessionId: string;
      readonly generation: number;
      readonly endpoint: string;
    }
  /** A client has had this token that reports no successes, or a peer has seen one. */
  | { readonly type: "handed-on"; readonly sessionId: string; readonly generation: number }
  | { readonly type: "probed"; readonly attemptId: string; readonly isAlive: boolean }
  /** Peers were asked, and a second has passed. */
  | { readonly type: "asked"; readonly attemptId: string | undefined }
  | { readonly type: "claimed"; readonly sessionId: string }
  /** The answers of peers are forgotten. */
  | { readonly type: "hushed" }
  /** A caller was told that only a sign-in helps, or got a rejected token back that nothing renews. */
  | { readonly type: "helpless" }
  /** The network may be there again. */
  | { readonly type: "woke" };

/** Whether a session was begun here and is in no store: then only this memory can spend its token. */
export function beginningAlone({ changes, session }: Knowledge): Begin | undefined {
  const begin = changes.find((change) => change.type === "begin");
  const isAlone = begin?.isFailed && !begin.mayBeWritten;
  return isAlone && begin.session.sessionId === session?.sessionId ? begin : undefined;
}

/**
 * The intent that counts. One of this context's own is looked through as long as no request has followed it:
 * the exchange before it may still be under way, however long ago that one was taken over.
 */
export function standing({ session, intent, unsent }: Knowledge): Standing | undefined {
  if (!session?.intent || !intent) return undefined;
  return unsent?.ids.has(intent.id)
    ? unsent.earlier
    : own({ intent: session.intent, since: intent.since });
}

/** Whether some endpoint has let this generation through, as far as this context can know. */
export const mayHavePassed = ({ passes, isHandedOn }: Knowledge): boolean =>
  passes > 0 || isHandedOn;

/** Whether two contexts have made this generation, and the other one's token stands. */
export const isReplaced = ({ generation, tokenSet }: Session, rejected: RejectedToken): boolean =>
  rejected.generation === generation &&
  rejected.accessToken !== undefined &&
  rejected.accessToken !== tokenSet.accessToken;

export const isPersisted = ({ changes }: Knowledge): boolean =>
  !changes.some(({ isFailed }) => isFailed);

/** Grants that are still to be written, and came by later attempts of this session than the grant that it has. */
export const grantsWaiting = (
  { changes }: Knowledge,
  { sessionId, attempt }: Pick<Session, "sessionId" | "attempt">,
): readonly Conclude[] =>
  changes.filter(
    (change): change is Conclude =>
      change.type === "conclude" &&
      change.sessionId === sessionId &&
      !!change.conclusion.got &&
      change.conclusion.intent.attempt > attempt,
  );

/**
 * Whether a grant waits here for the store that somebody lacks who knows this generation: though another
 * session was begun after it.
 */
export function holdsGrant(known: Knowledge, { sessionId, generation }: TokenName): boolean {
  const { session } = known;
  if (session?.sessionId !== sessionId)
    return grantsWaiting(known, { sessionId, attempt: -1 }).length > 0;
  // Those that the store has not failed to take are not served yet.
  const waiting = grantsWaiting(known, session).length;
  return (waiting > 0 || !isPersisted(known)) && session.generation + waiting > generation;
}

/** Whether the application has to ask for a sign-in. */
export const needsSignIn = ({ session, setting, endpoints }: Knowledge, now: number): boolean => {
  if (!session || isRenewable(session, setting.renewal)) return false;
  const isOver = now >= (session.tokenSet.expiresAt ?? Infinity);
  return isOver || isRejected(endpoints, session.generation);
};

/** A commit's age by the wall clock; negative where a clock was set back since then. */
const ageByWall = ({ session }: Knowledge, { now }: Moment): number =>
  now - (session?.renewedAt ?? -Infinity);

/** The longest that the current generation can have stood, in running time. */
const longestAge = ({ generation }: Knowledge, { running }: Moment): number =>
  running - (generation.notBefore ?? -Infinity);

/**
 * How long ago the current generation was committed, at the least: by the wall clock, within the bounds
 * that this context has seen, so that no step of a clock begins a refresh too soon (P15).
 */
export function ageOfGeneration(known: Knowledge, at: Moment): number {
  const { generation, setting } = known;
  const seen = at.running - generation.since;
  const byWall = ageByWall(known, at);
  if (byWall < 0) return generation.notBefore === undefined ? Infinity : seen;
  // Another machine's clock may differ by minutes.
  const skew = setting.store.shared === "everywhere" ? FOREIGN_MARGIN : 0;
  return Math.max(seen, Math.min(byWall - skew, longestAge(known, at)));
}

/** The same at the most: an endpoint is convicted only where no ordinary end is possible (P13). */
export function oldestAge(known: Knowledge, at: Moment): number {
  const byWall = ageByWall(known, at);
  const longest = longestAge(known, at);
  return byWall < 0
    ? longest
    : Math.max(at.running - known.generation.since, Math.min(byWall, longest));
}

/**
 * As long as a store may lag, it brings back no earlier record, nor an absence from before the first write
 * (F33, F58). An earlier generation that stands after that time is written over. What counts is when the
 * store was asked, in running time: the answer may have waited while this context slept.
 */
export function lags(
  { found, presentAt, setting, met }: Knowledge,
  record: RecordHead | undefined,
  askedAt: number,
): boolean {
  if (setting.store.atomic || !found.head) return false;
  const isLate = presentAt !== undefined && askedAt - presentAt < LAG;
  if (!isLate || !record) return isLate;
  if (record.sessionId !== found.head.sessionId) return met.has(record.sessionId);
  return record.revision < found.head.revision;
}
