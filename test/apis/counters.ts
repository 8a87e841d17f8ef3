/** What a test API has counted: the facts on which tests of the refresh protocol rest. */
import type { Call } from "./replies.ts";

/** A snapshot. Preflights are never counted: the CORS wrapper answers them. */
export interface Counters {
  /** Sign-ins that were granted; 0 where a server cannot tell them from what follows. */
  readonly signIns: number;
  /** Refresh calls that arrived, whatever became of them; with Artos, each call that mints. */
  readonly tokenCalls: number;
  /** Those that were granted, whether the reply got through or not. */
  readonly refreshed: number;
  /** How often a spent refresh token was presented when it no longer may be. */
  readonly reuseDetections: number;
  readonly familiesRevoked: number;
  /** Every call that arrived, of any kind. */
  readonly requests: number;
  /** API calls (not token calls) that were answered with 401. */
  readonly unauthorized: number;
  /** How many different tokens came with API calls. */
  readonly tokens: number;
  /** Calls that arrived, by method and path: `"GET /v1/vms"`. */
  readonly byPath: Readonly<Record<string, number>>;
  /** API calls that arrived, by the value of the query parameter `n`: one per logical request. */
  readonly sends: Readonly<Record<string, number>>;
  /** The greatest number in `sends`; 0 when there is none. */
  readonly maxSendsPerRequestId: number;
}

type Countable =
  | "signIns"
  | "tokenCalls"
  | "refreshed"
  | "reuseDetections"
  | "familiesRevoked"
  | "unauthorized";

export interface Counting {
  count(what: Countable, by?: number): void;
  /** Counts a call that arrived; `isApiCall` also by its `?n=`. */
  arrived(call: Call, isApiCall: boolean): void;
  counters(): Counters;
}

export function createCounting(): Counting {
  const totals: Record<Countable, number> = {
    signIns: 0,
    tokenCalls: 0,
    refreshed: 0,
    reuseDetections: 0,
    familiesRevoked: 0,
    unauthorized: 0,
  };
  const byPath = new Map<string, number>();
  const sends = new Map<string, number>();
  const tokens = new Set<string>();
  let requests = 0;

  return {
    count(what, by = 1) {
      totals[what] += by;
    },
    arrived({ method, url, headers }, isApiCall) {
      requests += 1;
      const token = headers.get("authorization");
      if (isApiCall && token !== null) tokens.add(token);
      add(byPath, `${method} ${url.pathname}`);
      const n = url.searchParams.get("n");
      if (isApiCall && n !== null) add(sends, n);
    },
    counters() {
      let maxSendsPerRequestId = 0;
      for (const times of sends.values()) {
        maxSendsPerRequestId = Math.max(maxSendsPerRequestId, times);
      }
      return {
        ...totals,
        requests,
        tokens: tokens.size,
        byPath: Object.fromEntries(byPath),
        sends: Object.fromEntries(sends),
        maxSendsPerRequestId,
      };
    },
  };
}

function add(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
