/** The lock of an object: it tells an attempt of this instance from those of earlier ones. */
import type { Lock } from "../types.ts";

/**
 * Names that lie in this instance's memory alone. A platform that resets an object ends whatever the
 * instance before was at, so that a name which nobody holds here is nobody's (F57). Within an object
 * the engine shares its own work, and `run` gates nothing.
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
