/** Clocks that a test moves: no test sleeps, and none is late. */
import { systemClock } from "../../src/refresh/clock.ts";
import { createClock, type TestClock } from "../../src/testing/clock.ts";
import type { Clock } from "../../src/types.ts";

/** It stands still until it is moved, and waits for Web Crypto where that is watched. */
export type ManualClock = TestClock;

/** 2027-01-15T08:00:00Z. */
export const START = 1_800_000_000_000;

/** What Web Crypto is at, where it is watched. */
let working = 0;

/** From here on `settle` waits for Web Crypto too, which works in threads of its own. */
export function watchCrypto(): void {
  for (const name of ["decrypt", "deriveKey", "digest", "encrypt", "importKey", "sign"] as const) {
    const method = crypto.subtle[name].bind(crypto.subtle) as (
      ...args: unknown[]
    ) => Promise<unknown>;
    Object.defineProperty(crypto.subtle, name, {
      configurable: true,
      writable: true,
      value: (...args: unknown[]) => {
        working++;
        return method(...args).finally(() => working--);
      },
    });
  }
}

/**
 * A turn of the event loop: whatever needs no network and no timer has run when it is over. Some
 * turns more than one, because reading a body may hop between queues.
 */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet = working ? 0 : quiet + 1)
    await new Promise((resolve) => setImmediate(resolve));
}

/** The system's clock, as if `passed()` milliseconds more had gone by. */
export const clockAhead = (passed: () => number): Clock => ({
  ...systemClock,
  now: () => Date.now() + passed(),
  running: () => performance.now() + passed(),
});

/** How soon a timer that is held looks again. */
const AGAIN = 20;
/** Timers of so long are limits: by a clock that stands still they do not end. */
const LIMIT = 10_000;

/**
 * By both clocks no time passes except `passed()` milliseconds. Short timers are the system's, because they are
 * hints; limits, such as an exchange's and a caller's patience, end by `passed()`. No timer ends while
 * `isHeld()`: what must be answered in time is, on however slow a machine.
 */
export function stillClock(start: number, passed: () => number, isHeld = () => false): Clock {
  const running = performance.now();
  return {
    ...systemClock,
    now: () => start + passed(),
    running: () => running + passed(),
    setTimeout(callback, ms) {
      const from = passed();
      const isLimit = ms >= LIMIT;
      const timer = { handle: systemClock.setTimeout(end, isLimit ? AGAIN : ms) };
      function end(): void {
        if (isHeld() || (isLimit && passed() - from < ms))
          timer.handle = systemClock.setTimeout(end, AGAIN);
        else callback();
      }
      return timer;
    },
    clearTimeout: (timer) =>
      systemClock.clearTimeout((timer as { handle: unknown } | undefined)?.handle),
  };
}

/** The clock of a page or a worker: still where a time is given, and otherwise the system's, moved on. */
export const clockFrom = (
  still: number | undefined,
  passed: () => number,
  isHeld: () => boolean,
): Clock => (still === undefined ? clockAhead(passed) : stillClock(still, passed, isHeld));

export const manualClock = (start: number = START): ManualClock => createClock({ start, settle });
