/** What the tests of the pure half are built from: a session of an hour, and what may be known of it. */
import type { Begin, Conclude, End, Found } from "../../../src/refresh/changes.ts";
import type { Sight } from "../../../src/refresh/decide.ts";
import { type Knowledge, type News, nothingKnown } from "../../../src/refresh/knowledge.ts";
import { learn } from "../../../src/refresh/learn.ts";
import type { Moment } from "../../../src/refresh/timing.ts";
import type { Conclusion } from "../../../src/refresh/transitions.ts";
import { toRecord } from "../../../src/guard/record.ts";
import type { Intent, RecordHead, Renewal, Session } from "../../../src/types.ts";
import { session as third, START } from "../../support/session.ts";

export { START };
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
/** When the session below is due, when callers begin to wait, and when its token ends. */
export const SOFT = START + 0.8 * HOUR;
export const HARD = START + HOUR - 30_000;
export const END = START + HOUR;

export const strict: Renewal = { rotation: "strict" };
export const windowed: Renewal = { rotation: "strict", reuseWindow: 60_000 };
export const none: Renewal = { rotation: "none" };

/** The third token set of session "s", with an hour to live. */
export const session: Session = { ...third, refreshAt: SOFT };

/** The running time that goes with a wall time, where no clock was set. */
export const at = (now: number): Moment => ({ now, running: now - START + HOUR });

export const intent = (firstSentAt: number, more: Partial<Intent> = {}): Intent => ({
  attemptId: "theirs",
  attempt: 3,
  firstSentAt,
  deadline: firstSentAt + 15_000,
  repeated: false,
  ...more,
});

export interface Situation extends Partial<Omit<Sight, "session" | "running">> {
  readonly now: number;
  readonly session?: Partial<Session> | null;
}

/** A context of an origin, online and held open, that has seen the intent since it was written. */
export function sighted({ session: changes, now, ...more }: Situation): Sight {
  const is = changes === null ? undefined : { ...session, ...changes };
  return {
    ...at(now),
    session: is,
    renewal: strict,
    shared: "origin",
    isRejected: false,
    isDemanded: false,
    isSurelyOver: false,
    generationAge: Infinity,
    intentAge: Math.max(0, now - (is?.intent?.firstSentAt ?? now)),
    quietAge: undefined,
    isAlive: undefined,
    wasAsked: false,
    canAsk: false,
    isOnline: true,
    isRested: true,
    isHeldOpen: true,
    isWanted: false,
    ...more,
  };
}

/** A session, begun and known under that name. */
export const named = (sessionId: string, more: Partial<Session> = {}): Session => ({
  ...session,
  tokenSet: { ...session.tokenSet, accessToken: `access-${sessionId}` },
  sessionId,
  ...more,
});

export const NOTHING: Found = { head: undefined, session: undefined };

export const found = (is: Session): Found => ({ head: toRecord(is), session: is });

export const tombstone = (sessionId: string, endedAt: number, revision = 8): RecordHead => ({
  format: 1,
  sessionId,
  revision,
  tombstone: true,
  endedAt,
});

export const ended = (sessionId: string, endedAt: number): Found => ({
  head: tombstone(sessionId, endedAt),
  session: undefined,
});

/** A sign-in that was made then. */
export const begin = (is: Session, now: number, more: Partial<Begin> = {}): Begin => ({
  type: "begin",
  session: is,
  basis: undefined,
  madeAt: at(now).running,
  isFailed: false,
  mayBeWritten: false,
  ...more,
});

/** A sign-out that was made then. */
export const end = (sessionIds: readonly string[], now: number, more: Partial<End> = {}): End => ({
  type: "end",
  sessionIds: new Set(sessionIds),
  at: at(now),
  mayArrive: undefined,
  isFailed: false,
  ...more,
});

/** An attempt's grant: `access-<name>` and `refresh-<name>`. */
export const granted = (name: string, now: number, by: Intent = intent(now)): Conclusion => ({
  intent: by,
  outcome: { type: "granted", grant: { accessToken: `access-${name}` } },
  got: {
    tokenSet: {
      accessToken: `access-${name}`,
      refreshToken: `refresh-${name}`,
      expiresAt: now + HOUR,
    },
    issuedAt: now,
    refreshAt: now + 0.8 * HOUR,
  },
  now,
  jitter: 0.5,
  isOffline: false,
});

export const conclude = (
  sessionId: string,
  conclusion: Conclusion,
  more: Partial<Conclude> = {},
): Conclude => ({ type: "conclude", sessionId, conclusion, isFailed: false, ...more });

export interface SettingOptions {
  readonly renewal?: Renewal | undefined;
  readonly atomic?: boolean;
  readonly shared?: Sight["shared"];
}

export const nothing = (options: SettingOptions = {}): Knowledge =>
  nothingKnown({
    renewal: "renewal" in options ? options.renewal : strict,
    store: { atomic: options.atomic ?? true, shared: options.shared ?? "origin" },
  });

/** News with the wall time at which they come. */
export type Heard = readonly [now: number, news: News];

/** What is known once all of that was heard, in order. */
export const heard = (known: Knowledge, ...all: readonly Heard[]): Knowledge =>
  all.reduce((before, [now, news]) => learn(before, news, at(now)), known);

export const read = (is: Session | RecordHead | undefined, now: number): News => ({
  type: "read",
  record: is && ("tokenSet" in is ? toRecord(is) : is),
  askedAt: at(now).running,
});

/** What a context knows that has read this session then. */
export const knownOf = (is: Session, now: number, options: SettingOptions = {}): Knowledge =>
  heard(nothing(options), [now, read(is, now)]);
