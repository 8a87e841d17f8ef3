/**
 * Typed errors. A message says what could not be done, why, and what to do. It never holds a secret, a
 * header or a body.
 *
 * @module
 */

/** What went wrong, for `switch`. `docs/errors.md` says what to do about each. */
export type VaultErrorCode =
  /** Nobody is signed in to this account. */
  | "no_session"
  /** Another session has begun while the call waited, so that the call was not sent as that user's. */
  | "session_changed"
  /** The session has come to its end: the server refused to renew it. */
  | "sign_in_required"
  /** The server refused the credentials. */
  | "credentials_refused"
  /** No token came within the caller's patience; the session is kept. */
  | "refresh_failed"
  /** The sign-in failed, and not because the server refused the credentials. */
  | "sign_in_failed"
  /** The API refused a token that was signed by this device's clock, and does not show its own time. */
  | "clock_unknown"
  /** The store cannot be reached; nothing is lost, and nobody is signed out. */
  | "store_unavailable"
  /** The worker that keeps the session cannot be reached, and nothing stands in for it. */
  | "worker_unavailable"
  /** A token is malformed, and no header can carry it; or a JWT was not accepted. */
  | "invalid_token"
  /** The keys that verify an issuer's JWTs cannot be fetched: that says nothing of the JWT. */
  | "keys_unavailable"
  /** An option or argument is wrong. */
  | "invalid_option"
  /** The vault was closed, or signed out while a session was beginning. */
  | "closed";

/**
 * Why it went wrong, where the cause is known: a closed list, and never a value. A message has the name
 * itself as its why, with spaces in place of the underscores.
 */
export type VaultErrorReason =
  /** No reply came: no network, a host that is not there, or CORS. */
  | "no_connection"
  /** No whole reply came within the deadline; or the store gave no answer, and may still do what was asked. */
  | "timed_out"
  /** The token endpoint's address is relative, or no URL. */
  | "no_absolute_url"
  /** The token endpoint answered with a redirect, which is never followed. */
  | "redirected"
  /** The provider threw, gave no outcome, or came to no end though it had asked nobody. */
  | "provider_failed"
  /** The provider's `read` threw. */
  | "read_failed"
  /** A function that writes a request to the token endpoint threw. */
  | "write_failed"
  /** The request to the token endpoint is none: a promise, or no object. */
  | "unsendable_request"
  /** No `fetch` takes its method. */
  | "unsendable_method"
  /** No header can carry one of its names or values, or a value is missing. */
  | "unsendable_header"
  /** JSON would lose its body, or its method takes none. */
  | "unsendable_body"
  /** The provider's `claims` or `protectedHeader` threw, or gave no JSON. */
  | "not_signed"
  /** The server has refused the refresh token. */
  | "refresh_token_refused"
  /** A reply's refresh token is no text of RFC 6749 §A.17, or too long: it could not be kept, the old one is spent. */
  | "refresh_token_unusable"
  | OAuthFlaw
  /** The browser sent no cookie to another site, though a sign-in had just set one. */
  | "third_party_cookies_blocked"
  /** Cookies are kept by browsers alone: Node, Deno, Bun and Workers have no cookie jar for `fetch`. */
  | "no_cookie_jar"
  /** Another account's session has the cookie of this token endpoint. */
  | "cookie_of_another_account"
  /** Somebody else has signed in, beside the vault, so that the cookie is theirs. */
  | "cookie_of_another_user"
  /** The server has not heard of the last sign-out yet, so that its cookie is no session to be found. */
  | "sign_out_not_heard"
  /** The server refused what was signed by this device's clock, and its own time is not to be had. */
  | "server_time_unknown"
  | TokenFlaw
  | KeyFlaw
  | JwtFlaw
  /** The reply holds no JWKS, or one that is too large; `status` says more. */
  | "no_keys";

/** What is wrong with an OAuth server, or with its answer to a login. */
export type OAuthFlaw =
  /** Its metadata was not to be had; `status` says more. */
  | "metadata_missing"
  /** Its metadata is none, or lacks an endpoint that is needed. */
  | "metadata_invalid"
  /** Metadata, callback or ID token name another server than the one that was asked. */
  | "issuer_mismatch"
  /** The callback is not the answer to the login that was begun, or has no code. */
  | "callback_invalid"
  /** The ID token is missing, or not this login's. */
  | "id_token_invalid"
  /** The server takes no PKCE by S256, without which a stolen code is worth a session. */
  | "pkce_unsupported"
  /** The server refuses what a login wants of it (RFC 9126 §2.3), and takes it in no other way; see `status`. */
  | "pushed_request_refused";

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
  /** More than 16 kB; more than 32 kB for a refresh token. */
  | "token_too_long";

/** What is wrong with a key that JWTs are signed with, or verified by: never which key. */
export type KeyFlaw =
  /** There is none. */
  | "no_key"
  /** It is neither PEM nor a JWK, or not whole. */
  | "malformed_key"
  /** It is public, or a certificate, and only a private key signs. */
  | "public_key"
  /** It is private, and verifying takes a public one. */
  | "private_key"
  /** It is a certificate, and the key in it is wanted. */
  | "certificate"
  /** It is in PKCS#1: `BEGIN RSA PRIVATE KEY`, `BEGIN RSA PUBLIC KEY`. */
  | "pkcs1_key"
  /** It is in SEC 1: `BEGIN EC PRIVATE KEY`. */
  | "sec1_key"
  /** It is encrypted with a passphrase. */
  | "encrypted_key"
  /** It is for another algorithm, or for another use. */
  | "wrong_key_type"
  /** It is shorter than its algorithm demands. */
  | "short_key"
  /** This runtime does not have the algorithm. */
  | "unsupported_algorithm";

/** Why a JWT was not accepted: never what it says. */
export type JwtFlaw =
  /** It is no JWT, or a claim is not of its type: a time in milliseconds, say. */
  | "malformed_jwt"
  /** Its `alg` is not among `algorithms`. */
  | "wrong_algorithm"
  /** Its `typ` says that it is for something else. */
  | "wrong_type"
  /** Its header demands an extension (`crit`, `b64`), and none is known here. */
  | "critical_header"
  /** None of the keys is the one that it names. */
  | "unknown_key"
  | "wrong_signature"
  | "expired"
  /** `nbf`, or with `maxAge` `iat`, lies in the future. */
  | "not_yet_valid"
  /** It was issued more than `maxAge` ago. */
  | "too_old"
  | "missing_claim"
  | "wrong_issuer"
  | "wrong_audience";

/**
 * The one table of messages: what could not be done, why, and what to do. A {@link VaultErrorReason},
 * or {@link because}, puts a better why into the sentence.
 */
const SENTENCES: Readonly<Record<VaultErrorCode, readonly [string, string, string]>> = {
  no_session: ["get a token", "nobody is signed in", "Await signIn() first"],
  session_changed: ["go on with the call", "another session has begun", "Call again"],
  sign_in_required: ["refresh the session", "it has ended", "Sign in again"],
  credentials_refused: ["sign in", "the server refused the credentials", "Check them"],
  refresh_failed: ["refresh the session", "no token came in time", "Try again"],
  sign_in_failed: ["sign in", "no token came", "Try again"],
  clock_unknown: ["sign a token", "the server's time is unknown", "Check clock and API key"],
  store_unavailable: ["use the store", "it does not answer", "Try again: nothing is lost"],
  worker_unavailable: ["reach the worker", "it does not answer", "Try again"],
  invalid_token: ["use the token", "no header can carry it", "Check what was pasted"],
  keys_unavailable: ["fetch the keys", "no key set came", "Try again"],
  invalid_option: ["use these arguments", "one is missing or wrong", "Check them"],
  closed: ["use the vault", "it was closed or signed out", "Make a new one or sign in"],
};

/** A later version on the other side may tell a code that this one does not have. */
const UNKNOWN = ["go on", "the error is unknown here", "Update tokenkeep or its caller"] as const;

/** Neither another try nor another sign-in mends these. */
const FAULTS_OF_PROVIDERS: ReadonlySet<VaultErrorReason | undefined> = new Set([
  "provider_failed",
  "read_failed",
  "write_failed",
  "unsendable_request",
  "unsendable_method",
  "unsendable_header",
  "unsendable_body",
  "no_absolute_url",
  "not_signed",
]);

/** What helps, where the reason knows better than the code. */
function adviceFor({ reason, status }: VaultErrorFacts): string | undefined {
  if (FAULTS_OF_PROVIDERS.has(reason)) return "Mend the provider: it is at fault";
  if (reason === "no_connection") return "Try again, or check the address and CORS";
  if (reason === "third_party_cookies_blocked") return "Serve page and API from one site";
  // A reply that grants, and in which nobody has found the token.
  const isUnread = reason === "no_token" && !!status && status < 300;
  return isUnread ? "Look at the reply: the provider's read finds no accessToken in it" : undefined;
}

/** `"Cannot refresh the session: refresh token refused. Sign in again."` */
function sentence(code: VaultErrorCode, better?: string, help?: string): string {
  const [deed, why, advice] = Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : UNKNOWN;
  return `Cannot ${deed}: ${better ?? why}. ${help ?? advice}.`;
}

/** The facts that an error may hold beside its code. */
export interface VaultErrorFacts {
  /** The HTTP status that led here, where one did. */
  readonly status?: number | undefined;
  /** Milliseconds after which another try makes sense, where that is known. */
  readonly retryAfter?: number | undefined;
  /** Why, where the cause is known. */
  readonly reason?: VaultErrorReason | undefined;
}

const brand: unique symbol = Symbol.for("tokenkeep.error") as never;

/**
 * The one error class. `instanceof` and {@link isVaultError} say the same: both also know an error that
 * a worker, another realm or another copy of the library has made.
 */
export class VaultError extends Error {
  /** What went wrong, for `switch`. */
  declare readonly code: VaultErrorCode;
  /** The HTTP status that led here, where one did. */
  declare readonly status: number | undefined;
  /** Milliseconds after which another try makes sense, where that is known. */
  declare readonly retryAfter: number | undefined;

  /** Why, where the cause is known. */
  declare readonly reason: VaultErrorReason | undefined;

  constructor(code: VaultErrorCode, message?: string | undefined, facts?: VaultErrorFacts) {
    // Without a prototype, so that a polluted one gives no reason (S15).
    const own: VaultErrorFacts = Object.assign(Object.create(null), facts);
    const { status, retryAfter, reason } = own;
    super(message ?? sentence(code, reason?.replaceAll("_", " "), adviceFor(own)));
    Object.assign(this, { name: "VaultError", code, status, retryAfter, reason });
    Object.defineProperty(this, brand, { __proto__: null, value: true } as PropertyDescriptor);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // An application's class that extends this one knows its own instances alone, as classes do.
    return this === VaultError ? isVaultError(value) : super[Symbol.hasInstance](value);
  }
}

/** An error with another why, or another advice, than its code has in the table of messages. */
export const because = (
  code: VaultErrorCode,
  why?: string,
  advice?: string,
  facts?: VaultErrorFacts,
): VaultError => new VaultError(code, sentence(code, why, advice), facts);

/** Options and arguments: throws `invalid_option` with what is wanted. */
export function check(isRight: unknown, wanted: string): asserts isRight {
  if (!isRight) throw because("invalid_option", undefined, "Wanted: " + wanted);
}

/**
 * Whether `value` is a {@link VaultError}, of any copy or realm of the library.
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
