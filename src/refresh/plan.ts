/** Says what one caller gets, and what is to be done next: pure, from the knowledge. */
import { own } from "../guard/json.ts";
import type { Intent, RejectedToken, Session } from "../types.ts";
import { type Decision, decide, isRenewable, type Sight } from "./decide.ts";
import {
  causeOf,
  hasRejected,
  isHeldBack,
  isInQuestion,
  isRejected,
  isSurelyOver,
  isTakenBack,
  OTHERS,
} from "./endpoints.ts";
import {
  ageOfGeneration,
  beginningAlone,
  isReplaced,
  type Knowledge,
  mayHavePassed,
  standing,
} from "./knowledge.ts";
import { dueAt, type Moment } from "./timing.ts";

/** A 401 is returned as it is only after a look that is no older than this. */
const JUST_LOOKED = 1_000;

/** The facts of the world around a context at this moment. */
export interface Facts extends Moment {
  readonly isOnline: boolean;
  readonly isHeldOpen: boolean;
  readonly canAsk: boolean;
  /** A caller waits for a token that has ended. */
  readonly isWanted: boolean;
  readonly maxStaleness: number;
}

/** The facts of one caller at this moment. */
export interface Need {
  readonly rejected?: RejectedToken | undefined;
  readonly endpoint?: string | undefined;
  /** The record has been read since this caller came. */
  readonly hasLooked: boolean;
  /** The record has been read since then, or the store has failed to answer. */
  readonly hasTried: boolean;
}

export type Answer =
  /**
   * Serve the token. `looks`: also look at the record, or renew, in the background. `isHelpless`: the token
   * is the rejected one, and nothing can renew it.
   */
  | { readonly type: "serve"; readonly looks: boolean; readonly isHelpless: boolean }
  | { readonly type: "wait" }
  | {
      readonly type: "fail";
      readonly code: "no_session" | "sign_in_required" | "store_unavailable";
    };

/** Whether surely no endpoint has let this generation through: all others that have the token can be asked. */
const isUntried = (known: Knowledge, { canAsk }: Pick<Facts, "canAsk">): boolean =>
  !mayHavePassed(known) && (canAsk || known.setting.store.shared === "context");

/** A session with the intent that counts. */
const asCounts = (session: Session | undefined, intent: Intent | undefined): Session | undefined =>
  session && session.intent !== intent ? own({ ...session, intent }) : session;

export function sightOf(known: Knowledge, facts: Facts): Sight {
  const { session, setting, endpoints, quietAt, life } = known;
  const { now, running } = facts;
  const current = session?.generation ?? 0;
  const stands = standing(known);
  const id = stands?.intent.attemptId;
  return {
    now,
    running,
    session: asCounts(session, stands?.intent),
    renewal: setting.renewal,
    shared: setting.store.shared,
    isRejected: isRejected(endpoints, current),
    isDemanded: causeOf(endpoints, current, running) !== undefined,
    isSurelyOver: isSurelyOver(endpoints, {
      generation: current,
      at: running,
      isUntried: isUntried(known, facts),
    }),
    generationAge: ageOfGeneration(known, facts),
    intentAge: stands ? running - stands.since : 0,
    quietAge: quietAt === undefined ? undefined : running - quietAt,
    isAlive: id !== undefined && life?.id === id ? life.isAlive : undefined,
    wasAsked: id !== undefined && known.askedId === id && !known.isClaimed,
    canAsk: facts.canAsk,
    isOnline: facts.isOnline,
    isRested: running >= (known.rest?.until ?? 0),
    isHeldOpen: facts.isHeldOpen,
    isWanted: facts.isWanted,
  };
}

export const judge = (known: Knowledge, facts: Facts): Decision =>
  own(decide(sightOf(known, facts)));

/** How long ago the record was looked at. */
const stalenessOf = ({ lookedAt }: Knowledge, { running }: Pick<Moment, "running">): number =>
  lookedAt ? running - lookedAt.running : Infinity;

export function plan(known: Knowledge, need: Need, facts: Facts): Answer {
  const decision = judge(known, facts);
  const staleness = need.hasTried ? 0 : stalenessOf(known, facts);
  const isIdle = decision.next === "rest" || decision.next === "watch";
  const looks = !isIdle || staleness >= facts.maxStaleness / 2;
  const { session, setting } = known;
  const isHelpless = !!session && !isRenewable(session, setting.renewal) && isUseless(known, need);
  const serve: Answer = { type: "serve", looks, isHelpless };
  const isFresh = staleness <= facts.maxStaleness;
  const isAnswer = isFresh && isServed(known, need, { decision, facts });
  if (isAnswer) return serve;
  // A session in memory alone needs no store.
  const isAlone = beginningAlone(known) !== undefined;
  if (known.failures > 1 && need.hasTried && !isAlone)
    return { type: "fail", code: "store_unavailable" };
  if (decision.fails && (isAlone || (need.hasLooked && !known.failures)))
    return { type: "fail", code: decision.fails };
  // Somebody may have signed in again elsewhere.
  const code = need.hasTried ? endOf(known, need) : undefined;
  return code ? { type: "fail", code } : { type: "wait" };
}

/** Whether the current token is of no use to this caller, by its endpoint or by its own 401. */
function isUseless(
  { session, endpoints }: Knowledge,
  { rejected, endpoint = OTHERS }: Need,
): boolean {
  if (!session) return false;
  const { generation } = session;
  if (rejected)
    return (
      rejected.sessionId === session.sessionId &&
      rejected.generation >= generation &&
      !isReplaced(session, rejected)
    );
  return hasRejected(endpoints, { endpoint, generation });
}

/** The case in which only a sign-in helps this caller, while others are served on. */
function endOf(known: Knowledge, need: Need): "sign_in_required" | undefined {
  const isDead = !!known.setting.renewal && !!known.session?.refused;
  return isDead && isUseless(known, need) ? "sign_in_required" : undefined;
}

function isServed(
  known: Knowledge,
  need: Need,
  { decision, facts }: { readonly decision: Decision; readonly facts: Facts },
): boolean {
  const { running } = facts;
  const { session, endpoints, setting } = known;
  const { rejected, endpoint = OTHERS } = need;
  if (!session) return false;
  // Another session's token is no answer to a 401: the caller sees that by the token's name.
  if (rejected && rejected.sessionId !== session.sessionId) return true;
  if (!isUseless(known, need)) return decision.serves;
  // What has ended by time is sent nowhere, whatever an endpoint has said: time demands a refresh (P15).
  if (decision.fails || facts.now >= (session.tokenSet.expiresAt ?? Infinity)) return false;
  // Another context may have got a newer one.
  const isSure = need.hasTried || stalenessOf(known, { running }) < JUST_LOOKED;
  if (!isSure) return false;
  // The same token once more means that the 401 is the answer.
  const { generation } = session;
  // While nobody has let the token through, a stuck session may soon be told from an ended one.
  const isHopeless = decision.isStuck && (!isUntried(known, facts) || !rejected);
  if (isHopeless || isHeldBack(endpoints, { endpoint, generation, at: running })) return true;
  if (rejected?.generation === generation && isTakenBack(endpoints, { endpoint, generation }))
    return true;
  // Only an adoption in another context helps here: so look for one each time.
  return need.hasTried && !session.refused && !isRenewable(session, setting.renewal);
}

/** Until when memory serves the token without a look, by the wall clock; 0 for not at all. */
export function servedUntil(known: Knowledge, facts: Facts): number {
  const { session, lookedAt } = known;
  if (!session || !lookedAt) return 0;
  const { serves, next } = judge(known, facts);
  if (!serves || next !== "rest") return 0;
  // By running time: a clock that was set back since then does not make the view last longer.
  const left = facts.maxStaleness / 2 - (facts.running - lookedAt.running);
  return Math.min(dueAt(session), facts.now + left);
}

/** So many successes of each generation are noted, because they give a later 401 its weight. */
const FIRST_PASSES = 32;

/** Whether successes are to be told. */
export const isWatched = ({ session, endpoints, passes }: Knowledge): boolean =>
  !!session && (!!session.intent || passes < FIRST_PASSES || isInQuestion(endpoints));
