/** Time for simulations of days and months: it jumps from event to event. */
import type { Clock } from "../../src/types.ts";
import { settle, watchCrypto } from "./clock.ts";

watchCrypto();

/** Time that stands still until an event is due. */
export function virtualClock(): Clock & {
  at(time: number): Promise<void>;
  until<T>(p: Promise<T>): Promise<T>;
} {
  let now = 1_800_000_000_000;
  let handles = 0;
  const timers = new Map<number, { due: number; task: () => void }>();
  const next = (): [number, { due: number; task: () => void }] | undefined => {
    let found: [number, { due: number; task: () => void }] | undefined;
    for (const one of timers) if (!found || one[1].due < found[1].due) found = one;
    return found;
  };
  const fire = async (limit: number): Promise<boolean> => {
    const [handle, timer] = next() ?? [];
    if (!timer || timer.due > limit) return false;
    timers.delete(handle!);
    now = Math.max(now, timer.due);
    timer.task();
    await settle();
    return true;
  };
  return {
    now: () => now,
    running: () => now,
    setTimeout(task, ms) {
      timers.set(++handles, { due: now + Math.max(0, ms), task });
      return handles;
    },
    clearTimeout: (handle) => void timers.delete(handle as number),
    async at(time) {
      while (await fire(time));
      now = Math.max(now, time);
    },
    async until(promise) {
      let settled = false;
      const note = (): void => void (settled = true);
      promise.then(note, note);
      for (;;) {
        await settle();
        if (settled) return promise;
        if (!(await fire(Infinity))) throw new Error("Nothing is left to wait for");
      }
    },
  };
}
