/**
 * What a page and its worker say to each other: questions with a `MessagePort` to answer on, one
 * answer each, and nudges on a `BroadcastChannel`, which hold nothing and mean "ask again".
 *
 * No refresh token crosses but one that a page adopts. An access token crosses as the answer to a page
 * that is about to send it, a password on its way to a sign-in.
 */
import type { VaultErrorCode, VaultErrorFacts } from "../errors.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";

/** Each message names it. Who hears another version says so, and does nothing else. */
export const VERSION = 1;

/** Where workers say that something has changed. */
export const NUDGES = "tokenkeep:worker";

/** A page asks. A port comes along, for the answer; what comes back over it means: never mind. */
export interface Question {
  readonly tokenkeep: typeof VERSION;
  /** What is asked for: a method of the vault, `token` or `state`. */
  readonly type: string;
  readonly account: string;
  /** JSON, so that nothing but plain data can be in it. */
  readonly args: string;
  /** What the page has seen last: which worker, and how much of what it had to tell. */
  readonly seen?: { readonly owner: string; readonly seq: number } | undefined;
}

/** What a worker answers, once. */
export interface Answer {
  readonly tokenkeep: typeof VERSION;
  readonly value?: unknown;
  readonly error?: WireError;
  /** What the page has not seen yet; absent where there is nothing new. */
  readonly state?: State;
}

export interface WireError extends VaultErrorFacts {
  readonly code: VaultErrorCode;
  readonly message: string;
}

/** One account, as its worker sees it. */
export interface State {
  /** This worker, from its start to its end. */
  readonly owner: string;
  /** Grows with every change and event. */
  readonly seq: number;
  /** What has happened, the snapshot as it now is among it, each with the `seq` that it got. */
  readonly news: readonly {
    readonly seq: number;
    readonly event?: VaultEvent | undefined;
    readonly snapshot?: Snapshot | undefined;
  }[];
  /** A Web Lock that the worker holds as long as it lives; absent where there are none. */
  readonly lock?: string | undefined;
  /** Gives no tokens: pages must be controlled by this worker. */
  readonly isolated?: boolean | undefined;
}
