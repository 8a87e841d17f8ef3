/** What an engine asks of its runtime: to stay for some work, a lock, and a timer. Each counts as a mere help. */
import { isObject } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import type { Clock, Lock } from "../types.ts";
import { EXCHANGE, MARGIN } from "./timing.ts";

export type Hold = (work: Promise<unknown>) => void;

/** Asks a runtime to stay for the work. A runtime that refuses is no reason to fail. */
export function holdOpen(work: Promise<unknown>, hold: Hold | undefined): void {
  try {
    hold?.(work);
  } catch {}
}

/** Which lock, and by which clock it is given up. */
export interface Locking {
  readonly lock: Lock | undefined;
  readonly name: string;
  readonly clock: Clock;
  /** Ends the waiting for it. */
  readonly ended: AbortSignal;
}

/** Runs a task under the lock, which saves work; without it in time, the record alone decides. */
export async function underLock(
  { lock, name, clock, ended }: Locking,
  task: () => Promise<void>,
): Promise<void> {
  const waiting = new AbortController();
  const leave = (): void => waiting.abort();
  ended.addEventListener("abort", leave);
  const { signal, stopped, end } = createLimit(clock, EXCHANGE + MARGIN, { by: waiting.signal });
  let running: Promise<void> | undefined;
  let isLate = false;
  const once = async (): Promise<void> => {
    if (isLate) return;
    ended.removeEventListener("abort", leave);
    running = task();
    await running;
  };
  try {
    // A lock that is deaf to the abort would keep this context waiting for ever (F2).
    await Promise.race([lock?.run(name, once, signal), stopped]);
  } catch {
    // The lock was not had, or the task failed: its own error is thrown below.
  }
  isLate = true;
  ended.removeEventListener("abort", leave);
  end();
  await (running ?? task());
}

/** A timer that is only a hint: every use checks again. `undefined` takes it back. */
export function createHint(clock: Clock, task: () => void): (ms: number | undefined) => void {
  let timer: unknown;
  return (ms) => {
    clock.clearTimeout(timer);
    if (ms === undefined) return;
    // A timer above 2^31 ms fires at once (F15); an hour is soon enough to look again.
    timer = clock.setTimeout(task, Math.min(ms, 3_600_000));
    // In Node a mere hint must not keep the process alive; elsewhere handles are numbers.
    if (isObject(timer) && typeof timer["unref"] === "function") timer["unref"]();
  };
}
