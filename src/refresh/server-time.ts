/** How far a server's clock is ahead of this device's: a token that is signed here needs the server's time. */
import { skewOf } from "../grant/lifetime.ts";
import type { Clock, Renewal } from "../types.ts";
import type { Mind } from "./mind.ts";

export interface ServerTime {
  /** How many milliseconds the server is ahead. */
  ahead(): number;
  /** Takes the time from the 401 of a token that was signed by the clock; says whether it is news. */
  learn(date: number | undefined): boolean;
}

/** A smaller difference makes no token good. */
const NEWS = 1_000;

export function createServerTime(
  renewal: Renewal | undefined,
  { clock, mind }: { readonly clock: Clock; readonly mind: Mind },
): ServerTime {
  /** The difference that this context has seen itself. */
  let seen: number | undefined;
  const ahead = (): number => seen ?? mind.known.session?.skew ?? 0;

  return {
    ahead,
    learn(date) {
      const skew = renewal?.selfSigned ? skewOf(date, clock.now()) : undefined;
      if (skew === undefined) return false;
      const before = ahead();
      seen = skew;
      return Math.abs(skew - before) > NEWS;
    },
  };
}
