/** Waiting that always ends: an exchange under its deadline, and a lock asked for with a timer. */
import type { Clock, Exchange, Lock, Outcome } from "../types.ts";
import { CLAIM, EXCHANGE, MARGIN } from "./decide.ts";

/** Runs an exchange with a provider under the hard deadline; whatever it throws is trouble. */
export function runExchange(
  run: (exchange: Exchange) => Promise<unknown>,
  fetch_: typeof fetch,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome> {
  const controller = new AbortController();
  return new Promise((resolve) => {
    let due = clock.running() + EXCHANGE;
    let timer = clock.setTimeout(expire, EXCHANGE);
    function expire(): void {
      // Thawed after a freeze: a reply that arrived meanwhile is heard first.
      if (clock.running() - due > CLAIM) {
        due = Infinity;
        timer = clock.setTimeout(expire, CLAIM);
      } else abort();
    }
    const finish = (outcome: unknown): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve(outcome as Outcome);
    };
    function abort(): void {
      controller.abort();
      finish({ type: "trouble" });
    }
    signal?.addEventListener("abort", abort);
    (async () => run({ signal: controller.signal, fetch: fetch_, now: clock.now }))().then(
      finish,
      abort,
    );
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
