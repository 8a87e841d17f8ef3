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

/** What is shorter is a pause between two looks, which keeps things going; what is longer may be a limit. */
const LEAST_LIMIT = 1_000;
/** How often it is looked whether time was passed. */
const LOOK = 20;

/**
 * By both clocks no time passes except `passed()` milliseconds, and no limit ends before that, however busy
 * the machine is. Pauses are the system's.
 */
export function stillClock(start: number, passed: () => number): Clock {
  const began = performance.now();
  const running = (): number => began + passed();
  interface Timer {
    system: unknown;
  }
  return {
    now: () => start + passed(),
    running,
    setTimeout(callback, ms) {
      if (ms < LEAST_LIMIT) return { system: systemClock.setTimeout(callback, ms) };
      const due = running() + ms;
      const look = (): void => {
        if (running() >= due) callback();
        else timer.system = systemClock.setTimeout(look, LOOK);
      };
      const timer: Timer = { system: systemClock.setTimeout(look, LOOK) };
      return timer;
    },
    clearTimeout: (timer) => systemClock.clearTimeout((timer as Timer | undefined)?.system),
  };
}

export const manualClock = (start: number = START): ManualClock => createClock({ start, settle });
