/**
 * What a page and its worker say to each other: questions with a `MessagePort` to answer on, one
 * answer each, and nudges on a `BroadcastChannel`, which hold nothing and mean "ask again".
 *
 * No refresh token crosses but one that a page adopts. An access token crosses as the answer to a page
 * that is about to send it, a password on its way to a sign-in.
 */
import type { WireError } from "../guard/wire-error.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";
import type { Ticket } from "./send.ts";

/** Each message names it. Who hears another version says so, and does nothing else. */
export const VERSION = 1;

/** Where workers say that something has changed. */
export const NUDGES = "tokenkeep:worker";

/** A page asks. A port comes along, for the answer; what comes back over it means: never mind. */
export interface Question {
  readonly tokenkeep: typeof VERSION;
  readonly type: keyof Answers;
  readonly account: string;
  /** JSON, so that nothing but plain data can be in it. */
  readonly args: string;
  readonly seen?: Seen | undefined;
}

/** What can be asked for, each with what the answer holds: methods of the vault, and two more. */
export interface Answers {
  /** Nothing but the state that comes with each answer. */
  state: unknown;
  /** A token for a request; none where none may go, or where the 401 is the answer. */
  token: Ticket | undefined;
  signIn: void;
  adopt: void;
  getToken: string;
  authorization: string;
  signOut: void;
  accounts: string[];
  removeAccount: void;
}

/** What a worker answers, once. */
export interface Answer {
  readonly tokenkeep: typeof VERSION;
  readonly value?: unknown;
  readonly error?: WireError;
  /** What the page has not seen yet; absent where there is nothing new. */
  readonly state?: State;
}

/** One account, as its worker sees it. */
export interface State {
  /** This worker, from its start to its end. */
  readonly owner: string;
  /** Grows with every change and event. */
  readonly seq: number;
  /** What has happened, the snapshot as it now is among it. */
  readonly news: readonly News[];
  /** A Web Lock that the worker holds as long as it lives; absent where there are none. */
  readonly lock?: string | undefined;
  /** Gives no tokens: pages must be controlled by this worker. */
  readonly isolated?: boolean | undefined;
}

/** One thing that has happened. */
export interface News {
  readonly seq: number;
  readonly event?: VaultEvent | undefined;
  readonly snapshot?: Snapshot | undefined;
}

/** What a page has seen last: which worker, and how much of what that had to tell. */
export type Seen = Pick<State, "owner" | "seq">;
