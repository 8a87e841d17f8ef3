/**
 * Sign-ins and adoptions that are wanted only where nobody is signed in: a thousand first requests make one
 * sign-in, and share its outcome.
 */
import { VaultError } from "../errors.ts";
import { isObject } from "../guard/claims.ts";
import { createLimit } from "../guard/limit.ts";
import type { Clock } from "../types.ts";

/** Runs one at a time. */
export type Starts = (question: unknown, start: () => Promise<void>) => Promise<void>;

interface Turn {
  readonly question: string | undefined;
  readonly done: Promise<void>;
}

/**
 * Callers that ask the same join the sign-in that is under way, and share its failure too. Callers that bring
 * other credentials wait for their turn, and have no turn when their patience is over: nobody signs in for
 * callers who have left (F95).
 */
export function createStarts(clock: Clock, patience: number): Starts {
  let current: Turn | undefined;

  function begin(question: string | undefined, start: () => Promise<void>): Promise<void> {
    const turn: Turn = { question, done: start() };
    current = turn;
    const end = (): void => {
      if (current === turn) current = undefined;
    };
    turn.done.then(end, end);
    return turn.done;
  }

  return async (asked, start) => {
    const question = textOf(asked);
    const { stopped, end } = createLimit(clock, patience, {
      overdue: () => new VaultError("sign_in_failed"),
    });
    try {
      while (current) {
        const { done } = current;
        const isSame = question !== undefined && current.question === question;
        if (isSame) return await Promise.race([done, stopped]);
        await Promise.race([done.catch(() => {}), stopped]);
      }
      await Promise.race([begin(question, start), stopped]);
    } finally {
      end();
    }
  };
}

/** Plain data as a text; `undefined` for anything whose text would not tell all of it. */
function textOf(value: unknown): string | undefined {
  return isPlain(value, 8) ? JSON.stringify(value) : undefined;
}

function isPlain(value: unknown, depth: number): boolean {
  if (depth === 0) return false;
  if (value === null || ["string", "boolean", "undefined"].includes(typeof value)) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((one) => isPlain(one, depth - 1));
  if (!isObject(value)) return false;
  const isBare = Object.prototype.toString.call(value) === "[object Object]";
  return isBare && Object.values(value).every((one) => isPlain(one, depth - 1));
}
