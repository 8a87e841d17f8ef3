/** The callers whom memory cannot serve at once. Each has a patience and an abort signal of its own. */
import { isVaultError, VaultError, type VaultErrorCode } from "../errors.ts";
import { deferred } from "../guard/deferred.ts";
import { createLimit } from "../guard/limit.ts";
import type { AccessToken, Clock, TokenName, TokenNeed } from "../types.ts";
import { OTHERS } from "./endpoints.ts";
import { refusalOf } from "./events.ts";
import { isReplaced, type Knowledge } from "./knowledge.ts";
import { holdOpen } from "./lock-and-timer.ts";
import type { Mind } from "./mind.ts";
import { plan } from "./plan.ts";
import type { Moment } from "./timing.ts";

/** How long a caller waits for other contexts before the record is read again. */
const PAUSE = 250;

export interface Callers {
  /** `isExcused`: a wrong clock caused the 401, and the right time is known by now. */
  obtain(need: TokenNeed, isExcused?: boolean): Promise<AccessToken>;
  /** Whether a caller waits. */
  areThere(): boolean;
}

export interface CallerParts {
  readonly mind: Mind;
  readonly clock: Clock;
  readonly patience: number;
  /** One pass, shared by all callers that need one; it settles with the fault of a bug, or with nothing. */
  readonly advance: () => Promise<unknown>;
  readonly isClosed: () => boolean;
}

/** The error for a caller that came at `since`. A store's own error is handed on: it says what to do. */
export function errorOf(
  code: VaultErrorCode,
  { outcome, session, trouble }: Knowledge,
  { now, since }: Pick<Moment, "now"> & { readonly since: number },
): unknown {
  if (code === "store_unavailable" && isVaultError(trouble)) return trouble;
  const wait = (session?.coolDown?.until ?? 0) - now;
  const retryAfter = wait > 0 ? Math.ceil(wait) : undefined;
  const isOfNow = outcome?.type === "trouble" && (wait > 0 || outcome.at >= since);
  if (code === "refresh_failed" && isOfNow) {
    const { status, reason } = outcome;
    return new VaultError(code, undefined, { status, reason, retryAfter });
  }
  if (code === "sign_in_required" && session?.refused) {
    const { status, reason = "refresh_token_refused" } = refusalOf({ outcome, session });
    return new VaultError(code, undefined, { status, reason });
  }
  const isLost = code === "sign_in_required" && session?.refreshTokenLost;
  const reason = isLost ? "refresh_token_unusable" : undefined;
  return new VaultError(code, undefined, { retryAfter, reason });
}

export function createCallers(parts: CallerParts): Callers {
  const { mind, clock, patience } = parts;
  let waiting = 0;

  /** Judges a 401 by the generation that it is about; `false` while that generation is not known here. */
  function noteRejection(
    { rejected, endpoint = OTHERS, passed }: TokenNeed,
    isExcused: boolean | undefined,
  ): boolean {
    if (!rejected) return true;
    const { sessionId, generation } = rejected;
    const { session } = mind.known;
    if (!session) return false;
    // A generation that never comes would stand above all 401s that do.
    const isOfSession = session.sessionId === sessionId;
    if (isOfSession && session.generation < generation) return false;
    // A 401 for an earlier token says nothing about the token in its place.
    if (isOfSession && isReplaced(session, rejected)) return true;
    mind.learn({ type: "rejected", sessionId, generation, endpoint, passed, isExcused });
    return true;
  }

  /**
   * A token's name tells whose 401 it was. Whose call it is, only the time tells at which the call came
   * (F103): where all users of a browser share one account, the next session may be another user's.
   */
  function isAnothers(begunIn: TokenName | undefined, { sessionId }: TokenName): boolean {
    const { shared } = mind.known.setting.store;
    return shared === "origin" && begunIn !== undefined && begunIn.sessionId !== sessionId;
  }

  /** Pauses where nothing can be done at once: without a pause, a loop would ask again and again (F54). */
  async function idle(stopped: Promise<never>): Promise<void> {
    const pause = deferred();
    const timer = clock.setTimeout(pause.settle, PAUSE);
    try {
      await Promise.race([mind.changed(), pause.done, stopped]);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** Waits for news, or for the end of a pass. */
  async function wait({ waitUntil }: TokenNeed, stopped: Promise<never>): Promise<void> {
    const changed = mind.changed();
    const pass = parts.advance();
    holdOpen(pass, waitUntil);
    const fault = await Promise.race([changed, pass, stopped]);
    if (fault !== undefined) throw fault;
  }

  async function obtain(need: TokenNeed, isExcused?: boolean): Promise<AccessToken> {
    const since = clock.running();
    const { reads, lookedAt, trouble, session: begunIn } = mind.known;
    const fail = (code: VaultErrorCode): unknown =>
      errorOf(code, mind.known, { now: clock.now(), since });
    const left = Math.max(0, patience - (need.waited ?? 0));
    /** A store that can be read, and not written, holds every refresh back: its error says what to do. */
    const isStoreOut = (): unknown =>
      mind.known.failures || (mind.known.trouble && mind.known.trouble !== trouble);
    const { stopped, end } = createLimit(clock, left, {
      by: need.signal,
      overdue: () => fail(isStoreOut() ? "store_unavailable" : "refresh_failed"),
    });
    let isWaiting = false;
    let isNoted = false;
    try {
      for (;;) {
        if (parts.isClosed()) throw fail("closed");
        isNoted ||= noteRejection(need, isExcused);
        const hasLooked = mind.known.reads > reads;
        const hasTried = mind.known.lookedAt !== lookedAt;
        const { rejected, endpoint } = need;
        const answer = plan(mind.known, { rejected, endpoint, hasLooked, hasTried }, mind.facts());
        if (answer.type === "fail") {
          if (answer.code === "sign_in_required") mind.learn({ type: "helpless" });
          throw fail(answer.code);
        }
        const token = mind.served();
        if (answer.type === "serve" && token) {
          if (!need.rejected && isAnothers(begunIn, token)) throw fail("session_changed");
          if (answer.isHelpless) mind.learn({ type: "helpless" });
          if (answer.looks) holdOpen(parts.advance(), need.waitUntil);
          return token;
        }
        if (!isWaiting) waiting += 1;
        isWaiting = true;
        if (hasTried && mind.judge().next === "rest") await idle(stopped);
        await wait(need, stopped);
      }
    } finally {
      if (isWaiting) waiting -= 1;
      end();
    }
  }

  return { obtain, areThere: () => waiting > 0 };
}
