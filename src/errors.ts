/**
 * Typed errors. A message says what to do and never holds a secret, a header or a body.
 *
 * @module
 */

/** What went wrong, for `switch`. */
export type VaultErrorCode =
  /** Nobody is signed in to this account. */
  | "no_session"
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

/** What to do, where it is more than to try again. */
const ADVICE: { readonly [code in VaultErrorCode]?: string } = {
  no_session: "call signIn()",
  sign_in_required: "the session ended, sign in again",
  credentials_refused: "check and try again",
  clock_unknown: "check clock and API key",
  invalid_token: "look for spaces, line breaks",
  closed: "make a vault or sign in",
};

/** The code says what is wrong: `"Store unavailable: nothing is lost, try again"`. */
const sentence = (
  code: VaultErrorCode,
  advice: string = ADVICE[code] ?? "nothing is lost, try again",
): string => code[0]!.toUpperCase() + code.slice(1).replaceAll("_", " ") + ": " + advice;

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

  constructor(
    code: VaultErrorCode,
    message: string = sentence(code),
    status?: number,
    retryAfter?: number,
  ) {
    super(message);
    Object.assign(this, { name: "VaultError", code, status, retryAfter });
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class of somebody's that extends this one is asked as classes are.
    return this === VaultError ? isVaultError(value) : super[Symbol.hasInstance](value);
  }
}

/** Options and arguments: throws `invalid_option` with what is wanted. */
export function check(isRight: unknown, wanted: string): asserts isRight {
  if (!isRight) throw new VaultError("invalid_option", sentence("invalid_option", wanted));
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
