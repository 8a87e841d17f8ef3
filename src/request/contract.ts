/** What the steps of `vault.fetch` hand to each other. */
import type { AccessToken, Fetch, TokenSource } from "../types.ts";
import type { Past, PAST } from "./past.ts";
import type { Policy } from "./policy.ts";
import type { Presentation } from "./presentation.ts";

/** Named in this way because Node's own types have no `BodyInit`. */
export type Body = NonNullable<RequestInit["body"]>;

/** `RequestInit`, and three members more. A member that is `undefined` is absent, as Fetch has it. */
export interface VaultRequestInit extends Omit<RequestInit, "body" | "signal"> {
  readonly signal?: AbortSignal | null | undefined;
  /** A function makes a stream anew for a second send; without one, a stream is sent once. */
  readonly body?: Body | null | undefined | (() => Body);
  /** Holds the runtime open for a refresh that outlives the response: `(work) => event.waitUntil(work)`. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
  /** Sends this one call in place of the vault's own `fetch`: for a client that has a chain of senders. */
  readonly fetch?: Fetch | undefined;
}

/** `fetch`, with the additions of {@link VaultRequestInit}. */
export type VaultFetch = (
  input: string | URL | Request,
  init?: VaultRequestInit,
) => Promise<Response>;

/** What `vault.fetch` is made of. */
export interface FetchOptions {
  /** Where a token may go. */
  readonly policy: Policy;
  readonly source: TokenSource;
  /** How a token is shown to the API. */
  readonly presentation: Presentation;
  /** Sends the calls that bring no `fetch` of their own. */
  readonly fetch: Fetch;
  /**
   * Absent where the runtime follows, which takes `Authorization` off between origins, and no other header:
   * there a call whose token is in another one is not followed (S2).
   */
  readonly follow?: Follow | undefined;
  /** Whether tokens are signed by the clock here; `false` by default. */
  readonly isSelfSigned?: boolean | undefined;
  /** A call goes out a second time, with this token. */
  readonly onRetry?: ((token: AccessToken) => void) | undefined;
  /** Something has gone out bare, because its address is not one of the listed ones: told once for each origin. */
  readonly onBare?: ((origin: string) => void) | undefined;
  /** How much of a `Request`'s body is kept for a second send; 1,048,576 by default. */
  readonly maxReplayBytes?: number | undefined;
  /** Milliseconds that never go back. */
  readonly running: () => number;
}

/** A copy of a call's headers: a plain object where the caller gave one, because that costs least. */
export type KeptHeaders = Readonly<Record<string, string>> | Headers;

type Open<T> = { -readonly [name in keyof T]?: T[name] | undefined };

/** An init for one send, made for it and given away with it. */
export type SentInit = Open<RequestInit> & { duplex?: "half" };

/** A copy of the caller's init, without a prototype. */
export type Given = Omit<SentInit, "body"> &
  Pick<Open<VaultRequestInit>, "body" | "fetch" | "waitUntil"> & { [PAST]?: Past };

/** A body, as it can be sent once more. */
export interface KeptBody {
  /** The body in the first send's init; absent where the `Request` itself has the body, or there is none. */
  readonly first: Body | undefined;
  /** Whether the same bytes can be had again; a promise while they are still being read. */
  isKept(): boolean | Promise<boolean>;
  /** The same bytes once more, where they are kept. */
  again(): Body | null | undefined;
}

/** One call as the vault keeps it to itself: each send is made from it, and nothing is read back (F68). */
export interface Call {
  /** Sent first: the judged address, or the caller's `Request`. */
  readonly input: string | Request;
  /** The judged address. */
  readonly href: string;
  readonly method: string;
  readonly headers: KeptHeaders;
  readonly body: KeptBody;
  readonly redirect: SentInit["redirect"];
  /** The caller's init, as it was read. */
  readonly given: Readonly<Given>;
  readonly send: Fetch;
  readonly presentation: Presentation;
  readonly signal: AbortSignal | null | undefined;
  readonly waitUntil: VaultRequestInit["waitUntil"] | undefined;
  /** Absent where the caller does not want it, or the runtime does it. */
  readonly follow: Follow | undefined;
}

/** How a call was answered, behind all redirects. */
export interface Answer {
  readonly response: Response;
  /** Whether the answered request had the token: otherwise its reply says nothing about the token (S18). */
  readonly isCarried: boolean;
  /** Whether redirects allow that the call is sent once more (S18). */
  readonly isRepeatable: boolean;
}

/** Follows the redirect that a reply asks for; a reply that asks for none is the answer. */
export type Follow = (call: Call, response: Response, token: AccessToken) => Promise<Answer>;
