/** Time that a test moves: no test sleeps, and none is late. */
import { check } from "../errors.ts";
import type { Clock } from "../types.ts";

/** A clock that stands still until it is moved; made by {@link createClock}. */
export interface TestClock extends Clock {
  /**
   * Lets `ms` milliseconds pass; timers fire in order, and what they began goes on meanwhile. Rejects with
   * `invalid_option` for a number that is no such time, such as `Infinity`: `until` waits for an event.
   */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock alone, by `ms` milliseconds, as a user or NTP does. */
  jump(ms: number): void;
  /** Lets time pass from timer to timer until `promise` settles; rejects where no timer is left. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** In how many milliseconds the pending timers are due, the next one first. */
  pending(): number[];
}

/** The options of {@link createClock}. */
export interface TestClockOptions {
  /** Milliseconds since the epoch; 2027-01-15T08:00:00Z by default. */
  readonly start?: number;
  /**
   * Waits until everything has run that needs no timer; five turns of the event loop by default. Work in other
   * threads, such as a real database's, may need more.
   */
  readonly settle?: () => Promise<void>;
}

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

const START = 1_800_000_000_000;

/** Above it, platforms fire a timer at once (F15). */
const LONGEST = 2 ** 31 - 1;

/**
 * Makes a clock for a vault, a {@link fakeApi} or both. One clock for both keeps their times in step.
 *
 * @example
 * ```ts
 * import { createClock, fakeApi, testVault } from "tokenkeep/testing";
 *
 * const clock = createClock();
 * const api = fakeApi({ clock, life: 3_600_000 });
 * const { vault } = await testVault({ api, clock });
 * await clock.advance(3_600_000);
 * const response = await vault.fetch(`${api.origin}/things`);
 * console.log(response.status, api.counts.refreshes);
 * ```
 */
export function createClock({
  start = START,
  settle = fewTurns,
}: TestClockOptions = {}): TestClock {
  const timers = new Map<number, Timer>();
  let wall = start;
  let elapsed = 0;
  let handles = 0;

  const next = (): readonly [number, Timer] | undefined =>
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
      const delay = ms > LONGEST || !(ms > 0) ? 0 : ms;
      timers.set(++handles, { due: elapsed + delay, callback });
      return handles;
    },
    clearTimeout: (handle) => void timers.delete(Number(handle)),
    jump(ms) {
      check(Number.isFinite(ms), "milliseconds to jump by");
      wall += ms;
    },
    async advance(ms) {
      check(ms >= 0 && ms < Infinity, "milliseconds to advance by, from 0 on: jump() goes back");
      await settle();
      let left: number | undefined = ms;
      for (let rest: number | undefined = ms; rest !== undefined; rest = await fire(rest))
        left = rest;
      pass(left);
      await settle();
    },
    async until(promise) {
      let settled = false;
      const note = (): void => {
        settled = true;
      };
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

/** The platform's own, taken before a test puts fake timers in its place, which would never turn. */
const { setImmediate: turn = setTimeout } = globalThis as {
  setImmediate?: (callback: () => void) => unknown;
};

/** Some turns more than one, because reading a body may hop between queues. */
async function fewTurns(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise<void>((resolve) => turn(resolve));
}
