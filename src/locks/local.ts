/**
 * A lock between the callers of one context: a tab, a worker or a process.
 *
 * @module
 */
import type { Lock } from "../types.ts";

/**
 * A mutex for each name: first come, first served, and never taken from its holder.
 *
 * @returns a lock whose `run` rejects with `signal.reason` when it is aborted while it waits, and
 * otherwise settles as the task does
 *
 * @example
 * ```ts
 * import { localLock } from "tokenkeep/locks/local";
 *
 * const answer = await localLock().run("name", async () => 42, AbortSignal.timeout(1000));
 * ```
 */
export function localLock(): Lock {
  /** The waiting callers by name; a name is held while it is in the map. */
  const queues = new Map<string, (() => void)[]>();
  return {
    async run(name, task, signal) {
      signal.throwIfAborted();
      const queue = queues.get(name) ?? [];
      if (queues.has(name)) {
        await new Promise<void>((resolve, reject) => {
          const go = (): void => {
            signal.removeEventListener("abort", leave);
            resolve();
          };
          const leave = (): void => {
            queue.splice(queue.indexOf(go), 1);
            reject(signal.reason);
          };
          signal.addEventListener("abort", leave);
          queue.push(go);
        });
      }
      queues.set(name, queue);
      try {
        return await task();
      } finally {
        const next = queue.shift();
        if (next) next();
        else queues.delete(name);
      }
    },
  };
}
