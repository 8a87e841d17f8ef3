/**
 * One pass: brings the record up to date and takes the next step, once for all callers that need it. Each
 * waiting caller plans again after it.
 */
import { isStep } from "./decide.ts";
import { StoreTrouble } from "./keeper.ts";
import { standing } from "./knowledge.ts";
import type { Mind } from "./mind.ts";
import type { Peers } from "./peers.ts";
import type { SignsOfLife } from "./attempt-lock.ts";
import type { Writer } from "./writer.ts";

export interface PassParts {
  readonly mind: Mind;
  readonly writer: Writer;
  readonly peers: Peers;
  readonly signs: SignsOfLife;
  /** Runs a task under the account's lock, if that is to be had. */
  readonly underLock: (task: () => Promise<void>) => Promise<void>;
  readonly attempt: () => Promise<void>;
  /** A jittered pause, so that waiting contexts do not read in step. News end it. */
  readonly pause: () => Promise<void>;
  /** Whether a caller waits for a token. */
  readonly isWaitedFor: () => boolean;
  readonly isClosed: () => boolean;
  readonly attempting: (is: boolean) => void;
}

/** A record that was read so lately need not be read again. */
const JUST = 50;

/** Rejects with nothing but the fault of a bug. */
export function createPass(parts: PassParts): () => Promise<void> {
  const { mind, writer, peers, signs } = parts;

  /** Whether the intent that stands belongs to a context that is gone. */
  async function probe(): Promise<void> {
    const intent = standing(mind.known)?.intent;
    if (!intent || intent.ended) return;
    const isAlive = await signs.isAlive(intent);
    if (isAlive === undefined) return;
    // A finished attempt's lock is free too: only a look after the probe tells the two apart.
    if (!isAlive) await writer.load();
    mind.learn({ type: "probed", attemptId: intent.attemptId, isAlive });
  }

  function isJustRead(): boolean {
    const { lookedAt, failures } = mind.known;
    return !failures && !!lookedAt && mind.moment().running - lookedAt.running < JUST;
  }

  async function act(): Promise<void> {
    // A lock that was had at once needs no second look: the compare-and-set fails if one was missed.
    for (let isFresh = isJustRead(); !parts.isClosed(); isFresh = false) {
      if (!isFresh) await writer.load();
      await probe();
      const decision = mind.judge();
      parts.attempting(isStep(decision));
      if (parts.isClosed()) return;
      if (isStep(decision)) return parts.attempt();
      if (decision.next !== "ask" || mind.known.isClaimed) return;
      await peers.ask();
    }
  }

  async function proceed(): Promise<void> {
    await writer.flush();
    await writer.load();
    const { serves, next, fails } = mind.judge();
    const isIdle = next === "rest" || (next === "watch" && serves);
    if (!fails && !isIdle && !parts.isClosed()) await parts.underLock(act);
  }

  /** An attempt's lock is held until the record shows its end. */
  function keepSigns(): void {
    const { session, changes } = mind.known;
    const standing = session?.intent?.ended ? undefined : session?.intent?.attemptId;
    const pending = changes.map((change) =>
      change.type === "conclude" ? change.conclusion.intent.attemptId : undefined,
    );
    signs.keep(new Set([standing, ...pending]));
  }

  return async () => {
    mind.learn({ type: "hushed" });
    try {
      await proceed();
    } catch (error) {
      // The knowledge keeps the failure; each waiting caller plans by it.
      if (!(error instanceof StoreTrouble)) throw error;
    } finally {
      parts.attempting(false);
      keepSigns();
    }
    const { next, fails } = mind.judge();
    const isDone = next === "rest" || fails;
    if (!isDone && parts.isWaitedFor() && !parts.isClosed()) await parts.pause();
  };
}
