/**
 * Typed errors. A message says what to do and never holds a secret, a header or a body.
 *
 * @module
 */

/** What went wrong, for `switch`. */
export type VaultErrorCode =
  /** Nobody is signed in to this account. Sign in. */
  | "no_session"
  /** The session has come to its end: the server refused to renew it. Sign in again. */
  | "sign_in_required"
  /** The server refused the credentials. */
  | "credentials_refused"
  /** The token endpoint could not be reached or did not make sense; the session is kept. */
  | "refresh_failed"
  /** The sign-in could not be finished for a reason that is no refusal. */
  | "sign_in_failed"
  /** The store cannot be reached; nothing is lost, and nobody is signed out. */
  | "store_unavailable"
  /** A token is malformed: check what was pasted. */
  | "invalid_token"
  /** An option or argument is wrong. */
  | "invalid_option"
  /** The vault was closed, or signed out meanwhile. */
  | "closed";

const brand: unique symbol = Symbol.for("tokenkeep.error") as never;

/** The one error class. Recognise it with {@link isVaultError}, which also works across realms. */
export class VaultError extends Error {
  readonly code: VaultErrorCode;
  /** The HTTP status that led here, where one did. */
  readonly status?: number;
  /** Milliseconds after which another try makes sense. */
  readonly retryAfter?: number;

  constructor(
    code: VaultErrorCode,
    message: string,
    facts?: { status?: number | undefined; retryAfter?: number | undefined },
  ) {
    super(message);
    this.name = "VaultError";
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
    if (facts?.status !== undefined) this.status = facts.status;
    if (facts?.retryAfter !== undefined) this.retryAfter = facts.retryAfter;
  }
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
  return typeof value === "object" && value !== null && brand in value;
}
