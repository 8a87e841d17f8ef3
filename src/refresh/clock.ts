/** The system's clock and randomness, which tests replace. */
import type { Clock } from "../types.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  running: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as number),
};

/** 128 random bits. `crypto.randomUUID` is missing in insecure contexts. */
export const randomId = (): string => crypto.getRandomValues(new Uint32Array(4)).join("_");
