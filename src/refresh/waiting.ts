/** Waiting that always ends: exchanges, locks and callers, each with a limit of its own. */
import type { Clock, Lock } from "../types.ts";
import { EXCHANGE, MARGIN, SLEPT } from "./timing.ts";

export interface Limit {
  /** Aborted at the end: of time, or by `by`. */
  readonly signal: AbortSignal;
  /** Rejects at the end, with the signal's reason. */
  readonly stopped: Promise<never>;
  /** Lets go of timer and listener; to be called in any case. */
  end(): void;
}

/** Who waits on which signal. */
const hearers = new WeakMap<EventTarget, Set<() => void>>();

const tell = ({ target }: Event): void => {
  for (const hear of (target && hearers.get(target)) ?? []) hear();
};

/**
 * Calls `hear` when the signal is aborted, until the answer is called. One listener serves all who wait on
 * a signal: Node 20 takes more than ten for a leak, and warns (F75).
 */
function whenAborted(signal: AbortSignal, hear: () => void): () => void {
  const all = hearers.get(signal) ?? new Set();
  hearers.set(signal, all.add(hear));
  signal.addEventListener("abort", tell);
  return () => {
    all.delete(hear);
    if (!all.size) signal.removeEventListener("abort", tell);
  };
}

/** A timer that comes so late may have been frozen. */
const LATE = 50;
/** So often more time is given for it. */
const MOST_THAWS = 3;

/**
 * The end comes after a time, with the reason that `overdue` gives, or when `by` is aborted. Throws the
 * reason of `by` where that is aborted already.
 */
export function createLimit(
  clock: Clock,
  ms: number,
  by?: AbortSignal | null,
  overdue?: () => unknown,
): Limit {
  by?.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  let due = clock.running() + ms;
  // A timer above 2^31 ms fires at once (F15).
  let timer = clock.setTimeout(expire, Math.min(ms, 1e9));
  let thaws = 0;
  function expire(): void {
    // After a freeze, messages that arrived meanwhile are heard first, though it may freeze again. Not for
    // ever: in a hidden page every timer is late.
    if (clock.running() - due > LATE && thaws < MOST_THAWS) {
      thaws += 1;
      due = clock.running() + SLEPT;
      timer = clock.setTimeout(expire, SLEPT);
    } else controller.abort(overdue?.());
  }
  const leave = by && whenAborted(by, () => controller.abort(by.reason));
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  // Not every caller awaits it.
  stopped.catch(() => {});
  return {
    signal,
    stopped,
    end() {
      clock.clearTimeout(timer);
      leave?.();
      controller.abort();
    },
  };
}

export type Hold = (work: Promise<unknown>) => void;

/** Asks a runtime to stay for the work. A runtime that refuses is no reason to fail. */
export function holdOpen(work: Promise<unknown>, hold: Hold | undefined): void {
  try {
    hold?.(work);
  } catch {}
}

/** Runs a task under the lock, which saves work; without it in time, the record alone decides. */
export async function underLock(
  lock: Lock | undefined,
  name: string,
  clock: Clock,
  task: () => Promise<void>,
): Promise<void> {
  const { signal, stopped, end } = createLimit(clock, EXCHANGE + MARGIN);
  let running: Promise<void> | undefined;
  let isLate = false;
  const once = async (): Promise<void> => {
    if (isLate) return;
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
    (timer as { unref?: () => void }).unref?.();
  };
}
