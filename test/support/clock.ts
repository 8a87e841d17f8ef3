/** Clocks that a test moves: no test sleeps, and none is late. */
import { systemClock } from "../../src/refresh/clock.ts";
import type { Clock } from "../../src/types.ts";

/** It stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass on both clocks; timers fire in order, and what they began goes on meanwhile. */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock alone, as a user or NTP does. */
  jump(ms: number): void;
  /** Lets time pass from timer to timer until `promise` settles. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** In how many milliseconds the pending timers are due, the next one first. */
  pending(): number[];
}

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

/** The system's timers, but by both clocks no time passes except `passed()` milliseconds. */
export function stillClock(start: number, passed: () => number): Clock {
  const running = performance.now();
  return { ...systemClock, now: () => start + passed(), running: () => running + passed() };
}

export function manualClock(start: number = START): ManualClock {
  const timers = new Map<number, { readonly due: number; readonly callback: () => void }>();
  let wall = start;
  let elapsed = 0;
  let handles = 0;

  const next = (): readonly [number, { due: number; callback: () => void }] | undefined =>
    [...timers].sort(([a, { due: dueA }], [b, { due: dueB }]) => dueA - dueB || a - b)[0];

  function pass(ms: number): void {
    wall += ms;
    elapsed += ms;
  }

  /** Fires the next timer if it is due within `ms`, and says how much of them is left. */
  async function fire(ms: number): Promise<number | undefined> {
    const [handle, timer] = next() ?? [];
    if (handle === undefined || !timer || timer.due > elapsed + ms) return undefined;
    timers.delete(handle);
    const step = Math.max(0, timer.due - elapsed);
    pass(step);
    timer.callback();
    await settle();
    return ms - step;
  }

  return {
    now: () => wall,
    running: () => elapsed,
    setTimeout(callback, ms) {
      // As the platforms do: not before the present, and at once above 2^31 (F15).
      const delay = ms > 2 ** 31 - 1 || !(ms > 0) ? 0 : ms;
      timers.set(++handles, { due: elapsed + delay, callback });
      return handles;
    },
    clearTimeout: (handle) => void timers.delete(handle as number),
    jump(ms) {
      wall += ms;
    },
    async advance(ms) {
      await settle();
      let left: number | undefined = ms;
      for (let rest: number | undefined = ms; rest !== undefined; rest = await fire(rest))
        left = rest;
      pass(left);
      await settle();
    },
    async until(promise) {
      let settled = false;
      const note = (): void => void (settled = true);
      promise.then(note, note);
      for (let tries = 0; tries < 10_000; tries++) {
        await settle();
        if (settled) return promise;
        if ((await fire(Infinity)) === undefined) break;
      }
      throw new Error("The promise does not settle, and no timer is left to wait for");
    },
    pending: () => [...timers.values()].map(({ due }) => due - elapsed).sort((a, b) => a - b),
  };
}
