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

  /** What was taken for it when the current token was signed; another context has a clock of its own. */
  function signedBy(): number {
    const { session, gotHere } = mind.known;
    return session?.tokenSet.accessToken === gotHere ? (session?.skew ?? 0) : ahead();
  }

  return {
    ahead,
    learn(date) {
      const skew = renewal?.selfSigned ? skewOf(date, clock.now()) : undefined;
      if (skew === undefined) return false;
      const isNews = Math.abs(skew - signedBy()) > NEWS;
      seen = skew;
      return isNews;
    },
  };
}
