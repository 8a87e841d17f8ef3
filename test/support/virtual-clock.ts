/** Time for simulations of days and months: it jumps from event to event. */
import type { Clock } from "../../src/types.ts";

/** Web Crypto works in threads of its own: what it is at now. */
let working = 0;
for (const name of ["decrypt", "deriveKey", "digest", "encrypt", "importKey"] as const) {
  const method = crypto.subtle[name].bind(crypto.subtle) as (
    ...args: unknown[]
  ) => Promise<unknown>;
  Object.defineProperty(crypto.subtle, name, {
    value: (...args: unknown[]) => {
      working++;
      return method(...args).finally(() => working--);
    },
  });
}

/** Everything has run that waits for no timer. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet = working ? 0 : quiet + 1)
    await new Promise((resolve) => setImmediate(resolve));
}

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
