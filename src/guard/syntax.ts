/** What a token may look like on its way into a header (S5). */

import type { Grant } from "../types.ts";

/** The most that any header of ours may hold. */
const LONGEST = 16_384;

/**
 * Whether `value` is a token as its auth-scheme wants it: b64token for `Bearer` (RFC 6750 §2.1),
 * visible ASCII for `Token`. Nothing is trimmed: a space is a mistake to be told, not to be hidden.
 */
export function isToken(value: unknown, scheme: "Bearer" | "Token" = "Bearer"): value is string {
  return (
    typeof value === "string" &&
    value.length <= LONGEST &&
    (scheme === "Bearer" ? /^[\w\-.~+/]+=*$/ : /^[\x21-\x7e]+$/).test(value)
  );
}

/** Whether a grant's tokens can be used at all; a refresh token may hold any visible ASCII. */
export const isSound = (
  { accessToken, refreshToken }: Grant,
  scheme: "Bearer" | "Token" | undefined,
): boolean => isToken(accessToken, scheme) && isToken(refreshToken ?? "-", "Token");

/** Whether it can name an account: 1 to 256 characters, none of them one half of a pair. */
export const isAccount = (name: unknown): name is string =>
  typeof name === "string" && /^\P{Cs}{1,256}$/u.test(name);
