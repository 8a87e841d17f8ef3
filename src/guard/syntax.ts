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
export const isToken = (value: unknown, longest: number = LONGEST): value is string =>
  typeof value === "string" &&
  value.length <= longest &&
  /^[!-~]+$/.test(value) &&
  !/^(undefined|null)$/.test(value);

/** What is wrong with a value that is no token. */
export function tokenFlaw(value: unknown, longest: number = LONGEST): TokenFlaw {
  if (typeof value !== "string" || /^(|undefined|null)$/.test(value)) return "no_token";
  if (value.length > longest) return "token_too_long";
  if (/[\r\n]/.test(value)) return "line_break_in_token";
  if (/^(bearer|token|basic|bot|dpop|apikey) /i.test(value)) return "scheme_in_token";
  if (/[ \t]/.test(value)) return "space_in_token";
  return /[\x80-\uffff]/.test(value) ? "non_ascii_in_token" : "control_character_in_token";
}

/** A refresh token with its spaces filled in; nothing where it is blank. */
const filled = (value: unknown): unknown =>
  typeof value === "string" ? value.trim() && value.replaceAll(" ", "_") : value;

/**
 * Visible ASCII and spaces (RFC 6749 §A.17), 32 kB at most. A refresh token goes into a body, which escapes it,
 * and into no header of this library's.
 */
export const isRefreshToken = (value: unknown): value is string =>
  isToken(filled(value), LONGEST_REFRESH);

/** What is wrong with a value that is no refresh token. */
export const refreshTokenFlaw = (value: unknown): TokenFlaw =>
  tokenFlaw(filled(value), LONGEST_REFRESH);

/** Whether a value can name an account: 1 to 256 characters, no lone surrogate among them. */
export const isAccount = (name: unknown): name is string =>
  typeof name === "string" && /^\P{Cs}{1,256}$/u.test(name);
