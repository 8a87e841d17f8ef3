/** One attempt to renew: sign of life, intent, fence, exchange, commit. Steps 2 to 8 of the protocol. */
import { randomId } from "../guard/random.ts";
import { toRecord } from "../guard/record.ts";
import type { Intent, Provider, Session } from "../types.ts";
import { decide, isStep, type Sight } from "./decide.ts";
import { causeOf } from "./endpoints.ts";
import type { Exchanges } from "./exchange.ts";
import type { Keeper } from "./keeper.ts";
import { beginningAlone, grantsWaiting, lags } from "./knowledge.ts";
import type { Mind } from "./mind.ts";
import { sightOf } from "./plan.ts";
import type { SignsOfLife } from "./attempt-lock.ts";
import { EXCHANGE, LEAST_EXCHANGE, type Moment } from "./timing.ts";
import { begun, type Conclusion, concluded, type DatedGrant, type Ending } from "./transitions.ts";
import type { Writer } from "./writer.ts";

/** What an attempt works with. */
export interface AttemptParts {
  readonly provider: Provider;
  readonly mind: Mind;
  readonly keeper: Keeper;
  readonly writer: Writer;
  readonly exchanges: Exchanges;
  readonly signs: SignsOfLife;
  /** From 0 to 1. */
  readonly jitter: () => number;
  readonly isClosed: () => boolean;
  /** Told when a grant has come that is still to be written. */
  readonly arrived: () => void;
  /** Told when a generation was committed, or is kept in memory because the store did not take it. */
  readonly announce: (session: Session) => void;
  /** Told when the session has ended meanwhile, with the grant that came too late for it. */
  readonly revoke: (got: DatedGrant) => void;
}

/** An attempt while it is under way. */
interface Try {
  readonly next: Session;
  readonly intent: Intent;
  readonly begunAt: Moment;
  /** The sight of the first decision, which is made once more in the sending task. */
  readonly before: Sight;
  hasSent: boolean;
  isStopped: boolean;
}

export function createAttempt(parts: AttemptParts): () => Promise<void> {
  const { provider, mind, keeper, writer, exchanges, signs } = parts;

  /** How long the exchange may still take, by both clocks: one may stand still while a machine sleeps. */
  function left({ begunAt }: Try): number {
    const { now, running } = mind.moment();
    return EXCHANGE - Math.max(running - begunAt.running, now - begunAt.now);
  }

  /** Whether the decision still holds that led to the intent: a reuse window may have closed. */
  function isStillDue({ before }: Try): boolean {
    const now = sightOf(mind.known, mind.facts());
    const passed = now.running - before.running;
    const { quietAge } = before;
    const sight: Sight = {
      ...before,
      now: now.now,
      running: now.running,
      intentAge: before.intentAge + passed,
      quietAge: quietAge === undefined ? undefined : quietAge + passed,
      isDemanded: now.isDemanded,
      isRejected: now.isRejected,
      isSurelyOver: now.isSurelyOver,
      wasAsked: before.wasAsked && !mind.known.isClaimed,
      isOnline: before.isOnline,
    };
    return isStep(decide(sight));
  }

  /** An earlier exchange may have brought a grant after its deadline, which is still to be written. */
  const hasNoGrant = (next: Session): boolean => grantsWaiting(mind.known, next).length === 0;

  /** Whether the record still shows this attempt. */
  async function isRecorded(one: Try): Promise<boolean> {
    const { next, intent } = one;
    for (;;) {
      if (parts.isClosed() || left(one) <= LEAST_EXCHANGE) return false;
      const { head, askedAt, isFresh } = await writer.noteTrouble(keeper.head());
      const isOurs = head?.sessionId === next.sessionId && head.attemptId === intent.attemptId;
      // A lagging store's older record is no reason to stop (F33, F58).
      if (!isOurs && !lags(mind.known, head, askedAt)) return false;
      // Otherwise this context was frozen while the store answered: others may have taken over since then.
      if (isFresh) return true;
    }
  }

  /** The fence: the last look at the record, in the very task in which the first byte leaves (P8). */
  async function mayStillSend(one: Try): Promise<boolean> {
    const { next, intent } = one;
    const isAlone = beginningAlone(mind.known) !== undefined;
    if (!isAlone && !(await isRecorded(one))) return false;
    const { session } = mind.known;
    const isServed = session?.sessionId === next.sessionId && hasNoGrant(next);
    // Memory is all the record that there is.
    const isOurs = !isAlone || session?.intent?.attemptId === intent.attemptId;
    return !parts.isClosed() && isServed && isOurs && left(one) > LEAST_EXCHANGE && isStillDue(one);
  }

  /** `false` where somebody else has written. */
  async function writeIntent(next: Session): Promise<boolean> {
    const alone = beginningAlone(mind.known);
    const { session } = alone ? mind.known : mind.known.found;
    // Memory may be ahead of the record: then its changes have to be written first.
    const isNext = session?.sessionId === next.sessionId && session.revision + 1 === next.revision;
    if (!isNext || !hasNoGrant(next)) return false;
    if (alone) {
      mind.learn({ type: "moved", session: next });
      return true;
    }
    const record = toRecord(next);
    const askedAt = mind.moment().running;
    if (!(await writer.noteTrouble(keeper.write(record, mind.known.found.head)))) return false;
    mind.learn({ type: "written", record, changes: [], askedAt });
    return mind.known.session?.sessionId === next.sessionId;
  }

  async function passFence(one: Try): Promise<boolean> {
    one.isStopped = true;
    const may = await mayStillSend(one);
    one.isStopped = !may;
    if (may && !one.hasSent) {
      one.hasSent = true;
      mind.learn({ type: "unsent", attemptId: undefined });
    }
    return may;
  }

  async function spend(one: Try): Promise<void> {
    if (left(one) <= LEAST_EXCHANGE) return leave(one);
    const { material, tokenSet } = one.next;
    const { refreshToken, accessToken } = tokenSet;
    const { outcome, got } = await exchanges.run(
      async (io) => provider.renew?.({ material, refreshToken, accessToken }, io),
      {
        deadline: left(one),
        mayStillSend: () => passFence(one),
        late: (ended) => parts.isClosed() || conclude(one, ended.outcome, ended.got),
      },
    );
    // The fence stopped the attempt before anything was sent.
    if (one.isStopped && !one.hasSent && !got) return leave(one);
    await conclude(one, outcome, got);
  }

  /** The holder of the record goes on. A closed vault takes its intent back, so that nobody waits for it. */
  async function leave(one: Try): Promise<void> {
    const earlier = one.before.session?.intent;
    if (parts.isClosed()) await conclude(one, { type: "unsent", earlier });
  }

  async function conclude(one: Try, outcome: Ending, got?: DatedGrant): Promise<void> {
    const { sessionId } = one.next;
    const { session, found, ended } = mind.known;
    // Behind a sign-in that the store has not taken, a session stands as long as the store shows it.
    const isHidden = found.session?.sessionId === sessionId && !ended.has(sessionId);
    const isServed = session?.sessionId === sessionId;
    if (!isServed && !isHidden) return got && parts.revoke(got);
    if (!isServed && !got) return;
    const conclusion = conclusionOf(one, outcome, got);
    try {
      if (isServed) note(one, conclusion);
    } finally {
      // Whatever goes wrong in telling of it, no grant is lost.
      keep(one.next, conclusion);
      if (got) parts.arrived();
    }
    await writer.persist();
    const { session: served } = mind.known;
    // Persist, then tell.
    if (got && served?.sessionId === sessionId) parts.announce(served);
  }

  function conclusionOf({ intent }: Try, outcome: Ending, got: DatedGrant | undefined): Conclusion {
    const isOffline = !mind.facts().isOnline && outcome.status === undefined;
    return { intent, outcome, got, now: mind.moment().now, jitter: parts.jitter(), isOffline };
  }

  /** Tells what became of an exchange of the session that is served. */
  function note(one: Try, { outcome, got, isOffline, jitter }: Conclusion): void {
    const { status, reason } = outcome;
    mind.learn({
      type: "ended",
      outcome: got ? "granted" : outcome.type === "refused" ? "refused" : "trouble",
      accessToken: got?.tokenSet.accessToken,
      sessionId: one.next.sessionId,
      status,
      reason,
      isOffline,
      jitter,
    });
  }

  function keep({ sessionId }: Session, conclusion: Conclusion): void {
    const { session } = mind.known;
    if (!beginningAlone(mind.known) || session?.sessionId !== sessionId) {
      const change = { type: "conclude", sessionId, conclusion, isFailed: false } as const;
      return mind.learn({ type: "changed", change });
    }
    const moved = concluded(session, conclusion);
    if (moved) mind.learn({ type: "moved", session: moved });
  }

  return async () => {
    const before = sightOf(mind.known, mind.facts());
    const { now, running } = before;
    const { session, unsent } = mind.known;
    if (!session) return;
    const isUnsent = !!session.intent && !!unsent?.ids.has(session.intent.attemptId);
    const attemptId = randomId();
    const causedBy = causeOf(mind.known.endpoints, session.generation, running);
    const lock = await signs.hold(attemptId);
    const next = begun(session, { attemptId, now, isUnsent, lock, causedBy });
    const { intent } = next;
    if (!intent || parts.isClosed()) return;
    mind.learn({ type: "unsent", attemptId });
    if (!(await writeIntent(next))) return;
    mind.learn({ type: "refreshing", causedBy });
    const begunAt = { now, running };
    await spend({ next, intent, begunAt, before, hasSent: false, isStopped: false });
  };
}
