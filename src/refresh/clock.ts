/** The system's clock, which tests replace. */
import type { Clock } from "../types.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  running: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  // What a runtime's own `setTimeout` gave, it takes back: a number, or an object.
  clearTimeout: (handle) => clearTimeout(handle as number),
};
