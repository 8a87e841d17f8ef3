/**
 * What an API saw, in its own words: every call with its arrival and its answer. The page's numbers
 * come from here, and so hold for all tabs, whatever the tabs say of themselves.
 */
import type { Handler } from "../../test/apis/replies.ts";

/** One line of the log. Times are the server's, which is this machine. */
export interface LogEntry {
  readonly seq: number;
  /** When it arrived; milliseconds since the epoch. */
  readonly at: number;
  /** How long the answer took, milliseconds. */
  readonly took: number;
  /** A request for data, a call to the token endpoint, a sign-in or sign-out, or a button of the demo's. */
  readonly kind: "request" | "refresh" | "sign-in" | "sign-out" | "act";
  /** 0 where the connection was cut. */
  readonly status: number;
  /** The request's first arrival: one that is sent again after a 401 is one request. */
  readonly first: boolean;
  /** It was refused before, and now it is answered. */
  readonly healed: boolean;
  /** It came with a token that the API had not seen before. */
  readonly isNew: boolean;
  /** What a button did. */
  readonly label: string;
}

/** What `GET /backstage/<api>/log?since=…` answers. */
export interface LogReply {
  readonly entries: readonly LogEntry[];
  /** Pass it as `since` next time. */
  readonly next: number;
  /** Since the demo was started. */
  readonly totals: Totals;
}

export interface Totals {
  readonly requests: number;
  readonly refreshes: number;
  readonly healed: number;
}

export interface ApiLog {
  readonly handler: Handler;
  /** Notes what a button of the demo's did to the API. */
  act(label: string): void;
  since(seq: number): LogReply;
}

/** So many lines are kept: several runs of five tabs with fifty requests. */
const KEPT = 4_000;

export function createLog(handle: Handler, kindOf: (request: Request) => LogEntry["kind"]): ApiLog {
  const entries: LogEntry[] = [];
  const seen = new Set<string>();
  const refused = new Set<string>();
  const tokens = new Set<string>();
  const totals = { requests: 0, refreshes: 0, healed: 0 };
  let seq = 0;

  function note(entry: Partial<LogEntry> & Pick<LogEntry, "at" | "kind" | "status">): void {
    seq += 1;
    const took = Date.now() - entry.at;
    entries.push({ seq, took, first: false, healed: false, isNew: false, label: "", ...entry });
    if (entries.length > KEPT) entries.splice(0, entries.length - KEPT);
  }

  /** Follows a request by its `n`, which is the same when it is sent again. */
  function follow(n: string, status: number): Partial<LogEntry> {
    const ok = status >= 200 && status < 300;
    const first = !seen.has(n);
    const healed = ok && refused.delete(n);
    seen.add(n);
    if (status === 401) refused.add(n);
    if (first) totals.requests += 1;
    if (healed) totals.healed += 1;
    return { first, healed };
  }

  function isNew({ headers }: Request): boolean {
    const before = tokens.size;
    const token = headers.get("authorization");
    if (token) tokens.add(token);
    return tokens.size > before;
  }

  return {
    async handler(request) {
      const at = Date.now();
      const kind = kindOf(request);
      const news = isNew(request);
      if (kind === "refresh") totals.refreshes += 1;
      const n = new URL(request.url).searchParams.get("n") ?? String(seq);
      try {
        const reply = await handle(request);
        const { status } = reply;
        note({ at, kind, status, isNew: news, ...(kind === "request" && follow(n, status)) });
        return reply;
      } catch (error) {
        note({ at, kind, status: 0 });
        throw error;
      }
    },
    act: (label) => note({ at: Date.now(), kind: "act", status: 200, label }),
    since: (since) => ({
      entries: entries.filter((entry) => entry.seq > since),
      next: seq,
      totals: { ...totals },
    }),
  };
}
