/** Which characters a token may have on its way into a header (S5), and which an account's name. */
import type { TokenFlaw } from "../errors.ts";

/** In characters: the limits of a token that goes into a header, and of a refresh token. */
const LONGEST = 16_384;
const LONGEST_REFRESH = 32_768;

/**
 * Visible ASCII (RFC 9110 §5.5), 16 kB at most, whatever the auth-scheme: deployed servers issue more
 * than b64token (RFC 6750 §2.1) allows. Nothing is trimmed: a space is a mistake to be told, not to be
 * hidden. A text that reads `undefined` comes of a variable that is not set.
 */
export const isToken = (value: unknown): value is string =>
  typeof value === "string" &&
  value.length <= LONGEST &&
  /^[!-~]+$/.test(value) &&
  !/^(undefined|null)$/.test(value);

/** What is wrong with a value that is no token. */
export function tokenFlaw(value: unknown): TokenFlaw {
  if (typeof value !== "string" || /^(|undefined|null)$/.test(value)) return "no_token";
  if (value.length > LONGEST) return "token_too_long";
  if (/[\r\n]/.test(value)) return "line_break_in_token";
  if (/^(bearer|token|basic|bot|dpop|apikey) /i.test(value)) return "scheme_in_token";
  if (/[ \t]/.test(value)) return "space_in_token";
  return /[\x80-\uffff]/.test(value) ? "non_ascii_in_token" : "control_character_in_token";
}

/** Whether a value is no token at all: no text, a blank one, or a variable that is not set. */
const isNothing = (value: unknown): boolean =>
  typeof value !== "string" || /^(undefined|null)?$/.test(value.trim());

/**
 * Visible ASCII and spaces (RFC 6749 §A.17), 32 kB at most. A refresh token goes into a body, which escapes it,
 * and into no header of this library's.
 */
export const isRefreshToken = (value: unknown): value is string =>
  typeof value === "string" &&
  value.length <= LONGEST_REFRESH &&
  /^[ -~]+$/.test(value) &&
  !isNothing(value);

/** What is wrong with a value that is no refresh token. */
export function refreshTokenFlaw(value: unknown): TokenFlaw {
  if (typeof value !== "string" || isNothing(value)) return "no_token";
  if (value.length > LONGEST_REFRESH) return "token_too_long";
  // Cut, because the other limit is a header's.
  return tokenFlaw(/[^ -~]/.exec(value)?.[0]);
}

/** Whether a value can name an account: 1 to 256 characters, no lone surrogate among them. */
export const isAccount = (name: unknown): name is string =>
  typeof name === "string" && /^\P{Cs}{1,256}$/u.test(name);
