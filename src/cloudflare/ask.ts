/** A Worker's way to the object that owns a session: asked in time, and once more where that does no harm. */
import { memberOf } from "../guard/thrown.ts";
import { because, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import { holdOpen } from "../refresh/lock-and-timer.ts";
import type { Clock, TokenNeed } from "../types.ts";
import { demand } from "./set-up.ts";
import { bare, type Failure, type Owner } from "./wire.ts";

export type Question<Said> = (owner: Owner) => Promise<Said | Failure>;

export interface AskParts {
  /** The object, anew for each call: a stub that has failed stays broken. */
  readonly owner: (hash: string) => Owner;
  readonly hash: () => Promise<string>;
  readonly clock: Clock;
  readonly patience: number;
  readonly waitUntil: (promise: Promise<unknown>) => void;
}

/** The caller of a question: how often it may be asked, and how long the caller has waited before. */
export interface Asking extends Pick<TokenNeed, "rejected" | "signal" | "waitUntil" | "waited"> {
  readonly tries: number;
}

/** Gives the object's answer, an error included. Rejects where no answer comes in time. */
export type Ask = <Said extends { readonly revision: number }>(
  question: Question<Said>,
  asking: Asking,
) => Promise<Said | Failure>;

/** How much longer than a caller's patience an object may take to say anything. */
const GRACE = 10_000;

export const unavailable = (): VaultError =>
  because("store_unavailable", "the Durable Object does not answer");

/** The reason of a wait that has lasted too long. */
const OVERDUE = Symbol("overdue");

/**
 * Settles in time, and with nothing where the promise has not settled, by a timer of this very request: a
 * promise of another request may never settle (F31).
 */
export async function within<T>(
  { clock, ms, signal }: { clock: Clock; ms: number; signal?: AbortSignal | null | undefined },
  promise: Promise<T>,
): Promise<T | undefined> {
  const { stopped, end } = createLimit(clock, ms, { by: signal, overdue: () => OVERDUE });
  try {
    return await Promise.race([promise, stopped]);
  } catch (error) {
    if (error !== OVERDUE) throw error;
    return undefined;
  } finally {
    end();
  }
}

async function askOnce<Said>(owner: Owner, question: Question<Said>): Promise<Said | Failure> {
  demand(
    owner.token,
    "this Worker has no RPC",
    "In wrangler.jsonc set compatibility_date to 2024-04-03 or later",
  );
  return question(owner);
}

/** Jittered, so that callers whom an object has turned away do not come back in step. */
function pauseAfter(error: unknown, failed: number): number {
  const least = memberOf(error, "overloaded") ? 1_000 : 100;
  return least * 4 ** failed * Math.random();
}

export function createAsk({ owner, hash, clock, patience, waitUntil }: AskParts): Ask {
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => void clock.setTimeout(resolve, ms));

  /** Once more where the object was reset under the question. */
  async function askAgain<Said>(question: Question<Said>, tries: number): Promise<Said | Failure> {
    const name = await hash();
    for (let failed = 1; ; failed++) {
      try {
        return await askOnce(owner(name), question);
      } catch (error) {
        if (error instanceof VaultError) throw error;
        // The platform's own error is not for users, and may hold a secret.
        if (failed === tries) throw unavailable();
        await pause(pauseAfter(error, failed));
      }
    }
  }

  return async (question, asking) => {
    const { tries, rejected, signal, waited = 0, waitUntil: hold = waitUntil } = own(asking);
    const asked = askAgain(question, tries);
    // A caller that gives up changes nothing for the object.
    holdOpen(
      asked.catch(() => {}),
      hold,
    );
    const ms = Math.max(0, patience + GRACE - waited);
    const said = bare(await within({ clock, ms, signal }, asked));
    if (said && Number.isSafeInteger(said.revision)) return said;
    // In the second of a call's waits, the 401 in hand is the answer (F51).
    if (!said && rejected) throw new VaultError("refresh_failed");
    throw unavailable();
  };
}
