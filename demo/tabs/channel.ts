/**
 * What the demo's tabs tell each other, so that one of them can draw them all. It is the demo's own
 * channel; the vaults have theirs. No token is ever in it.
 */
import type { ApiId } from "../app/apis.ts";

/** The number of the worker that runs the vault for all tabs; theirs begin at 1. */
export const OWNER = 0;

/** One tab, or a frame that counts as one. */
export interface TabState {
  /** The lowest number that was free. */
  readonly tab: number;
  /** The tab that holds this frame; absent for a tab. */
  readonly within?: number;
  readonly api: ApiId;
  readonly account: string;
  readonly status: string;
  readonly generation?: number | undefined;
  readonly issuedAt?: number | undefined;
  readonly offline: boolean;
}

/** One send of a request; two where the first was refused. */
export interface Send {
  readonly start: number;
  end?: number;
  /** 0 where no reply came. */
  status?: number;
}

/** One call of `vault.fetch`. */
export interface CallTrace {
  readonly key: string;
  readonly tab: number;
  /** Its place among the calls that were made in the same task. */
  readonly index: number;
  of: number;
  readonly start: number;
  end?: number;
  /** The status that the caller got, or the error's code. */
  result?: string;
  readonly sends: Send[];
}

/** One refresh, as the vault's events tell it. */
export interface RenewalTrace {
  readonly key: string;
  /** Who made it: a tab, or the worker. */
  readonly tab: number;
  readonly start: number;
  end?: number;
  outcome?: "refreshed" | "trouble" | "refused" | "given up";
  status?: number | undefined;
}

/** How a tab's requests ended: how many with each status or error code. */
export type Tally = Readonly<Record<string, number>>;

export type News =
  | { readonly type: "who" }
  | { readonly type: "here"; readonly state: TabState }
  | { readonly type: "bye"; readonly tab: number }
  | { readonly type: "calls"; readonly calls: readonly CallTrace[] }
  /** The worker's are told by every tab that it serves: `from` is the one that tells. */
  | { readonly type: "renewal"; readonly renewal: RenewalTrace; readonly from: number }
  /** Something begins that is worth a picture of its own. */
  | {
      readonly type: "scene";
      readonly start: number;
      readonly title: string;
      readonly from: number;
    }
  /** What that scene was opened for has been done. */
  | { readonly type: "done"; readonly start: number }
  | {
      readonly type: "send";
      readonly id: string;
      readonly to: readonly number[];
      readonly count: number;
    }
  | { readonly type: "sent"; readonly id: string; readonly tab: number; readonly tally: Tally }
  | { readonly type: "offline"; readonly to: readonly number[]; readonly offline: boolean }
  | { readonly type: "close"; readonly to: number }
  | { readonly type: "reload" };

export interface Line {
  post(news: News): void;
  close(): void;
}

/** Joins. What one context posts, all others hear, and also other lines of the same context. */
export function joinChannel(listen: (news: News) => void): Line {
  const channel = new BroadcastChannel("tokenkeep-demo");
  channel.addEventListener("message", ({ data }: MessageEvent<News>) => listen(data));
  return {
    post: (news) => channel.postMessage(news),
    close: () => channel.close(),
  };
}
