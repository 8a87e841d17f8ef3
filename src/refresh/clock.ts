/** The system's clock, which tests replace. */
import type { Clock } from "../types.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  running: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as number),
};
