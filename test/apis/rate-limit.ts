/** A limit of calls per account and hour; hours are counted from a first call. */

const HOUR = 3_600_000;

export interface RateLimit {
  /** Counts a call and gives 0, or the seconds until the next one is allowed. */
  take(account: string, limit: number | "unlimited"): number;
}

export function createRateLimit(now: () => number): RateLimit {
  const hours = new Map<string, { since: number; calls: number }>();

  return {
    take(account, limit) {
      if (limit === "unlimited") return 0;
      let hour = hours.get(account);
      if (hour === undefined || now() - hour.since >= HOUR) {
        hour = { since: now(), calls: 0 };
        hours.set(account, hour);
      }
      if (hour.calls >= limit) return Math.ceil((hour.since + HOUR - now()) / 1000);
      hour.calls += 1;
      return 0;
    },
  };
}
