/**
 * Typed errors. A message says what to do and never holds a secret, a header or a body.
 *
 * @module
 */

/** What went wrong, for `switch`. */
export type VaultErrorCode =
  /** Nobody is signed in to this account. */
  | "no_session"
  /** Somebody else has signed in while the call waited: it was not sent as somebody else's. */
  | "session_changed"
  /** The session has come to its end: the server refused to renew it. */
  | "sign_in_required"
  /** The server refused the credentials. */
  | "credentials_refused"
  /** The token endpoint could not be reached or did not make sense; the session is kept. */
  | "refresh_failed"
  /** The sign-in could not be finished for a reason that is no refusal. */
  | "sign_in_failed"
  /** The API refused a token that was signed by the clock here, and does not show its own time. */
  | "clock_unknown"
  /** The store cannot be reached; nothing is lost, and nobody is signed out. */
  | "store_unavailable"
  /** The worker that keeps the session cannot be reached, and nothing stands in for it. */
  | "worker_unavailable"
  /** A token is malformed: check what was pasted. */
  | "invalid_token"
  /** An option or argument is wrong. */
  | "invalid_option"
  /** The vault was closed, or signed out meanwhile. */
  | "closed";

/**
 * Why it went wrong, where that is known: a closed list, and never a value. Each name reads as the why
 * of a message, with spaces.
 */
export type VaultErrorReason =
  /** No reply came: no network, a host that is not there, or CORS. */
  | "no_connection"
  /** No whole reply came within the deadline. */
  | "timed_out"
  /** The token endpoint's address is relative, or no URL. */
  | "no_absolute_url"
  /** The token endpoint answered with a redirect, which is never followed. */
  | "redirected"
  /** The provider's `read` threw. */
  | "read_failed"
  /** The claims are no JSON, or `claims` threw. */
  | "not_signed"
  /** The server has refused the refresh token. */
  | "refresh_token_refused"
  | TokenFlaw;

/** What is wrong with a token: which kind of character, never which value. */
export type TokenFlaw =
  /** There is none: in a reply, whose `status` says more, or among the arguments. */
  | "no_token"
  /** It begins with its auth-scheme: `Bearer …`. */
  | "scheme_in_token"
  | "line_break_in_token"
  | "space_in_token"
  | "control_character_in_token"
  | "non_ascii_in_token"
  /** More than 16 kB. */
  | "token_too_long";

/** What could not be done, why, and what to do. The reason, where there is one, is a better why. */
const SENTENCES: Readonly<Record<VaultErrorCode, readonly [string, string, string]>> = {
  no_session: ["get a token", "nobody is signed in", "Call signIn()"],
  session_changed: ["go on with the call", "another session has begun meanwhile", "Call again"],
  sign_in_required: ["refresh the session", "it has ended", "Sign in again"],
  credentials_refused: ["sign in", "the server refused the credentials", "Check them"],
  refresh_failed: ["refresh the session", "no token came in time", "Try again"],
  sign_in_failed: ["sign in", "no token came", "Try again"],
  clock_unknown: ["sign a token", "the server's time is not known", "Check clock and API key"],
  store_unavailable: ["reach the store", "it does not answer", "Try again: nothing is lost"],
  worker_unavailable: ["reach the worker", "it does not answer", "Try again"],
  invalid_token: ["use the token", "no header can carry it", "Check what was pasted"],
  invalid_option: ["use these arguments", "one is missing or wrong", "Check them"],
  closed: ["use the vault", "it was closed or signed out", "Make one or sign in"],
};

/** `"Cannot refresh the session: refresh token refused. Sign in again."` */
function sentence(code: VaultErrorCode, reason?: VaultErrorReason): string {
  const [deed, why, advice] = SENTENCES[code];
  return `Cannot ${deed}: ${reason?.replaceAll("_", " ") ?? why}. ${advice}.`;
}

/** What is known beside the code. */
export interface VaultErrorFacts {
  /** The HTTP status that led here, where one did. */
  readonly status?: number | undefined;
  /** Milliseconds after which another try makes sense, where that is known. */
  readonly retryAfter?: number | undefined;
  readonly reason?: VaultErrorReason | undefined;
}

const brand: unique symbol = Symbol.for("tokenkeep.error") as never;

/**
 * The one error class. `instanceof` and {@link isVaultError} say the same: they also know errors that
 * were made elsewhere, as by a worker's page, another realm or another copy of the library.
 */
export class VaultError extends Error {
  declare readonly code: VaultErrorCode;
  /** The HTTP status that led here, where one did. */
  declare readonly status: number | undefined;
  /** Milliseconds after which another try makes sense, where that is known. */
  declare readonly retryAfter: number | undefined;

  /** Why, where that is known. */
  declare readonly reason: VaultErrorReason | undefined;

  constructor(code: VaultErrorCode, message?: string | undefined, facts?: VaultErrorFacts) {
    // Without a prototype: what is put on a polluted one is no reason (S15).
    const own: VaultErrorFacts = Object.assign(Object.create(null), facts);
    const { status, retryAfter, reason } = own;
    super(message ?? sentence(code, reason));
    Object.assign(this, { name: "VaultError", code, status, retryAfter, reason });
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class of somebody's that extends this one is asked as classes are.
    return this === VaultError ? isVaultError(value) : super[Symbol.hasInstance](value);
  }
}

/** Options and arguments: throws `invalid_option` with what is wanted. */
export function check(isRight: unknown, wanted: string): asserts isRight {
  if (!isRight)
    throw new VaultError("invalid_option", `Cannot use these arguments. Wanted: ${wanted}.`);
}

/**
 * Whether `value` is a {@link VaultError}, from whichever copy or realm of the library.
 *
 * @example
 * ```ts
 * import { isVaultError } from "tokenkeep";
 *
 * try {
 *   await vault.fetch(url);
 * } catch (error) {
 *   if (isVaultError(error) && error.code === "no_session") showSignIn();
 *   else throw error;
 * }
 * ```
 */
export function isVaultError(value: unknown): value is VaultError {
  return !!(value as { [brand]?: true } | null | undefined)?.[brand];
}
