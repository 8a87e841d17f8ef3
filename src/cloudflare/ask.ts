/** A Worker's way to the object that owns a session: asked in time, and once more where that does no harm. */
import { VaultError } from "../errors.ts";
import { isObject } from "../guard/claims.ts";
import type { Clock, TokenNeed } from "../types.ts";
import { check, type Failure, fromWire, type Owner } from "./wire.ts";

export type Question<Said> = (owner: Owner) => Promise<Said | Failure>;

export interface AskParts {
  /** The object, anew for each call: a stub that has failed stays broken. */
  readonly owner: (hash: string) => Owner;
  readonly hash: () => Promise<string>;
  readonly clock: Clock;
  readonly patience: number;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** The object says that nobody is signed in. */
  readonly onOver: (revision: number) => void;
}

/** Rejects with what the object says went wrong. */
export type Ask = <Said extends { readonly revision: number }>(
  question: Question<Said>,
  tries: number,
  need?: Pick<TokenNeed, "signal" | "waitUntil">,
) => Promise<Said>;

/** How much longer than a caller's patience an object may take to say anything. */
const GRACE = 10_000;

export const unavailable = (): VaultError =>
  new VaultError("store_unavailable", "Durable Object unavailable: nothing is lost, try again");

const isFailure = (said: object): said is Failure => "error" in said && isObject(said.error);

/** Settles in time, whatever becomes of the promise: an own timer in this very request (F31). */
export async function within<T>(
  { clock, ms, signal }: { clock: Clock; ms: number; signal?: AbortSignal | null | undefined },
  promise: Promise<T>,
): Promise<T | undefined> {
  signal?.throwIfAborted();
  let timer: unknown;
  let abort: (() => void) | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<undefined>((resolve, reject) => {
        timer = clock.setTimeout(() => resolve(undefined), ms);
        abort = () => reject(signal!.reason);
        signal?.addEventListener("abort", abort);
      }),
    ]);
  } finally {
    clock.clearTimeout(timer);
    if (abort) signal?.removeEventListener("abort", abort);
  }
}

export function createAsk(parts: AskParts): Ask {
  const { clock } = parts;

  async function askOnce<Said>(question: Question<Said>, hash: string): Promise<Said | Failure> {
    const owner = parts.owner(hash);
    check(
      owner.token,
      "This Worker has no RPC: in wrangler.jsonc set compatibility_date to 2024-04-03 or later",
    );
    return question(owner);
  }

  /** Jittered, so that those whom an object has turned away do not come back in step. */
  function pause(error: unknown, failed: number): Promise<void> {
    const least = (error as { overloaded?: unknown }).overloaded ? 1_000 : 100;
    const wait = least * 4 ** failed * Math.random();
    return new Promise((resolve) => void clock.setTimeout(resolve, wait));
  }

  /** Once more where the object was reset under the question. */
  async function askAgain<Said>(question: Question<Said>, tries: number): Promise<Said | Failure> {
    const hash = await parts.hash();
    for (let failed = 0; ;) {
      try {
        return await askOnce(question, hash);
      } catch (error) {
        if (error instanceof VaultError) throw error;
        failed += 1;
        // What the platform says is not for users, and may hold anything.
        if (failed === tries) throw unavailable();
        await pause(error, failed);
      }
    }
  }

  return async (question, tries, { signal, waitUntil = parts.waitUntil } = {}) => {
    const asked = askAgain(question, tries);
    // A caller that gives up changes nothing for the object.
    waitUntil(asked.catch(() => {}));
    const said = await within({ clock, ms: parts.patience + GRACE, signal }, asked);
    if (!said || !Number.isSafeInteger(said.revision)) throw unavailable();
    if (!isFailure(said)) return said;
    const { revision, error } = said;
    if (/^(no_session|sign_in_required)$/.test(error.code)) parts.onOver(revision);
    throw fromWire(error);
  };
}
