/** The lock of an object: it tells an attempt of this instance from attempts of earlier instances. */
import type { Lock } from "../types.ts";

/**
 * The held names lie in this instance's memory alone. A platform that resets an object ends all work of the
 * earlier instance, so that a name which is not held here is held by no one (F57). Within an object the
 * engine shares its own work, and `run` gates nothing.
 */
export function objectLock(): Lock {
  const held = new Set<string>();
  return {
    spans: "context",
    run: (_name, task) => task(),
    async hold(name) {
      held.add(name);
      return () => void held.delete(name);
    },
    isFree: async (name) => !held.has(name),
  };
}
