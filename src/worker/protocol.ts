/**
 * The messages between a page and its worker: questions with a `MessagePort` to answer on, one answer to
 * each, and nudges on a `BroadcastChannel`, which hold an account's name at most and mean "ask again".
 *
 * No refresh token crosses but one that a page adopts. An access token crosses as the answer to a page
 * that is about to send it, a password on its way to a sign-in.
 */
import type { WireError } from "../guard/wire-error.ts";
import type { TokenName } from "../types.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";

/** The version in each message. A receiver of another version says so, and does nothing else. */
export const VERSION = 1;

/** The channel on which workers say that something has changed. */
export const NUDGES = "tokenkeep:worker";

/** A page's question. With it comes a port for the answer. A message of the page on that port takes it back. */
export interface Question {
  readonly tokenkeep: typeof VERSION;
  readonly type: keyof Answers;
  readonly account: string;
  /** JSON, so that nothing but plain data can be in it. */
  readonly args: string;
  readonly seen?: Seen | undefined;
}

/** A token on its way into a request. */
export interface Ticket extends TokenName {
  /** The name of the header that shows the token, in lower case. */
  readonly header: string;
  /** The header's whole value. */
  readonly authorization: string;
  /** The error after another 401, if the 401 before showed no time by which the token could be signed. */
  readonly clockError?: unknown;
}

/** The question for a ticket; it crosses to the worker as JSON. */
export interface TicketNeed extends Partial<TokenName> {
  readonly url: string;
  readonly method: string;
  /** The names of the request's headers: one that would show the token wins (S6). */
  readonly headers?: readonly string[];
  /** The `Date` of the 401, in milliseconds. */
  readonly date?: number;
  /** The last generation of that session that the endpoint let through. */
  readonly passed?: number | undefined;
  /** How many milliseconds the call has waited before. */
  readonly waited?: number;
  /** The session that the page knew when the call began: another user's token is no answer (F103). */
  readonly begunIn?: string | undefined;
}

/** The questions, each with the value of its answer: methods of the vault, and two more. */
export interface Answers {
  /** Nothing but the state that comes with each answer. */
  state: unknown;
  /** A token for a request; none where no token may go, or where the 401 is the answer. */
  token: Ticket | undefined;
  signIn: void;
  adopt: void;
  getToken: string;
  authorization: string;
  signOut: void;
  accounts: string[];
  removeAccount: void;
}

/** A worker's one answer to a question. */
export interface Answer {
  readonly tokenkeep: typeof VERSION;
  readonly value?: unknown;
  readonly error?: WireError;
  /** The news that the page has not seen yet; absent where there is none. */
  readonly state?: State;
}

/** One account, as its worker sees it. */
export interface State {
  /** This worker, from its start to its end. */
  readonly owner: string;
  /** Grows with every change and event. */
  readonly seq: number;
  /** The news: events, and the present snapshot. */
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
  /** The session that `snapshot` shows: a name, and no secret. */
  readonly sessionId?: string | undefined;
}

/** How far a page is: the worker that it has heard, and how much of that worker's news. */
export type Seen = Pick<State, "owner" | "seq">;
