/** A limit in time on anything that is awaited: an exchange, a request, a caller's patience. */
import type { Clock } from "../types.ts";
import { own } from "./json.ts";

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
/** How much more time is given for it, and how often. */
const THAW = 1_000;
const MOST_THAWS = 3;

/** What else there is to know of a limit's end. */
export interface Ends {
  /** Ends it earlier, with its own reason. */
  readonly by?: AbortSignal | null | undefined;
  /** The reason where the time is over. */
  readonly overdue?: (() => unknown) | undefined;
}

/** The end comes after a time, or when `by` is aborted. Throws the reason of `by` where it is aborted already. */
export function createLimit(clock: Clock, ms: number, ends?: Ends): Limit {
  const { by, overdue } = own({ ...ends });
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
      due = clock.running() + THAW;
      timer = clock.setTimeout(expire, THAW);
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
