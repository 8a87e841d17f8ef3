/**
 * Signs of life: an attempt holds a lock of its own for as long as its context lives and the record does
 * not show its end. Others only look whether that lock is held, and do not wait for a dead attempt (F57).
 */
import { createLimit } from "../guard/limit.ts";
import type { Clock, Lock, TokenStore } from "../types.ts";
import { SIGN_OF_LIFE } from "./timing.ts";

export interface SignsOfLife {
  /** Holds the lock of an attempt, if one is to be had; answers with its scope. */
  hold(attemptId: string): Promise<string | undefined>;
  /** Lets go of every lock but those of these attempts. */
  keep(attemptIds: ReadonlySet<string | undefined>): void;
  /** Whether the attempt's context lives; `undefined` where this context cannot tell. */
  isAlive(attempt: { attemptId: string; lock?: string | undefined }): Promise<boolean | undefined>;
}

const nameOf = (attemptId: string): string => `tokenkeep:attempt:${attemptId}`;

export function createSigns(
  lock: Lock | undefined,
  { shared }: Pick<TokenStore, "shared">,
  { clock, scope }: { readonly clock: Clock; readonly scope: () => Promise<string | undefined> },
): SignsOfLife {
  const held = new Map<string, () => void>();
  let found: string | undefined;

  /** Only a lock that spans all contexts of the record says anything about them. */
  async function scopeHere(): Promise<string | undefined> {
    if (!lock?.hold || !lock.isFree || lock.spans !== shared) return undefined;
    found ??= await scope().catch(() => undefined);
    return found;
  }

  /** A lock manager may be silent, too. */
  async function soon<T>(answer: Promise<T>): Promise<T | undefined> {
    const { stopped, end } = createLimit(clock, SIGN_OF_LIFE);
    try {
      return await Promise.race([answer, stopped]);
    } catch {
      return undefined;
    } finally {
      end();
    }
  }

  return {
    async hold(attemptId) {
      const here = await scopeHere();
      if (here === undefined) return undefined;
      const holding = (async () => lock?.hold?.(nameOf(attemptId)))();
      const release = await soon(holding);
      if (release) held.set(attemptId, release);
      // The lock came too late: the intent says that there is none.
      else holding.then((late) => late?.()).catch(() => {});
      return release && here;
    },
    keep(attemptIds) {
      for (const [attemptId, release] of held)
        if (!attemptIds.has(attemptId)) {
          held.delete(attemptId);
          try {
            release();
          } catch {
            // The lock was a sign for others: nothing here depends on it.
          }
        }
    },
    async isAlive({ attemptId, lock: theirs }) {
      if (held.has(attemptId)) return true;
      if (theirs === undefined || theirs !== (await scopeHere())) return undefined;
      const isFree = await soon((async () => lock?.isFree?.(nameOf(attemptId)))());
      return isFree === undefined ? undefined : !isFree;
    },
  };
}
