/** Waiting that always ends: exchanges, locks, callers and sleeps, each with a limit of its own. */
import type { Clock, Exchange, Lock, Outcome } from "../types.ts";
import { CLAIM, EXCHANGE, MARGIN } from "./decide.ts";

export type RunExchange = (
  run: (exchange: Exchange) => Promise<unknown>,
  signal?: AbortSignal,
  deadline?: number,
) => Promise<Outcome>;

/** Runs an exchange with a provider under the hard deadline; whatever it throws is trouble. */
export function runExchange(
  fetch_: typeof fetch,
  clock: Clock,
  now: () => number,
  run: (exchange: Exchange) => Promise<unknown>,
  signal?: AbortSignal,
  deadline: number = EXCHANGE,
): Promise<Outcome> {
  const controller = new AbortController();
  return new Promise((resolve) => {
    let due = clock.running() + deadline;
    let timer = clock.setTimeout(expire, deadline);
    function expire(): void {
      // Thawed after a freeze: a reply that arrived meanwhile is heard first.
      if (clock.running() - due > CLAIM) {
        due = Infinity;
        timer = clock.setTimeout(expire, CLAIM);
      } else fail();
    }
    const finish = (outcome: unknown): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", fail);
      resolve(outcome as Outcome);
    };
    function fail(error?: unknown): void {
      controller.abort();
      finish({ type: "trouble", error });
    }
    signal?.addEventListener("abort", fail);
    (async () => run({ signal: controller.signal, fetch: fetch_, now }))().then(finish, fail);
  });
}

/** The lock saves work; when it cannot be had in time, the record alone decides. */
export async function underLock(
  lock: Lock | undefined,
  name: string,
  clock: Clock,
  task: () => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const timer = clock.setTimeout(() => controller.abort(), EXCHANGE + MARGIN);
  let running: Promise<void> | undefined;
  try {
    await lock?.run(name, () => (running = task()), controller.signal);
  } catch {
    // Not had, or the task's own error, which is thrown below.
  }
  clock.clearTimeout(timer);
  await (running ?? task());
}

/** A caller's own limits: rejects when its patience or its signal says so. Call `end` in any case. */
export function untilStopped(
  clock: Clock,
  patience: number,
  signal: AbortSignal | null | undefined,
  overdue: () => unknown,
): { stopped: Promise<never>; end: () => void } {
  let stop!: (reason: unknown) => void;
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const abort = (): void => stop(signal!.reason);
  const timer = clock.setTimeout(() => stop(overdue()), patience);
  signal?.addEventListener("abort", abort);
  return {
    stopped,
    end() {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    },
  };
}

/** Sleeps that end after a time, or all at once when something has changed. */
export function createSleep(clock: Clock): {
  sleep: (ms: number) => Promise<void>;
  wake: () => void;
} {
  const sleepers = new Set<() => void>();
  return {
    sleep: (ms) =>
      new Promise((resolve) => {
        const timer = clock.setTimeout(done, ms);
        sleepers.add(done);
        function done(): void {
          sleepers.delete(done);
          clock.clearTimeout(timer);
          resolve();
        }
      }),
    wake() {
      for (const done of sleepers) done();
    },
  };
}

/** A timer that is only a hint: every use checks again. `undefined` takes it back. */
export function createHint(clock: Clock, task: () => void): (ms: number | undefined) => void {
  let timer: unknown;
  return (ms) => {
    clock.clearTimeout(timer);
    if (ms === undefined) return;
    // F15: a timer above 2^31 ms fires at once; an hour is soon enough to look again.
    timer = clock.setTimeout(task, Math.min(ms, 3_600_000));
    // In Node a mere hint must not keep the process alive; elsewhere handles are numbers.
    (timer as { unref?: () => void }).unref?.();
  };
}
