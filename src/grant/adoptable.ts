/** The tokens that `adopt` takes. They come from elsewhere, and often straight from JSON. */
import { check, type TokenFlaw, VaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { isRefreshToken, isToken, refreshTokenFlaw, tokenFlaw } from "../guard/syntax.ts";
import type { Grant } from "../types.ts";

function refuse(reason: TokenFlaw): never {
  throw new VaultError("invalid_token", undefined, { reason });
}

/** The token as it is, if a header can carry it. */
const usable = (token: unknown): string => (isToken(token) ? token : refuse(tokenFlaw(token)));

/**
 * A server may give a refresh token with spaces, which is kept as it came. Who hands one over has more likely left
 * a blank at an end, or the auth-scheme in front.
 */
function usableForRefresh(token: unknown): string {
  if (!isRefreshToken(token)) return refuse(refreshTokenFlaw(token));
  const flaw = tokenFlaw(token);
  return flaw === "scheme_in_token" || token !== token.trim() ? refuse(flaw) : token;
}

/**
 * Takes exactly the four members that `adopt` names, each the object's own (S15, S17): a `material`
 * among them would sign or mint as anybody (F65).
 *
 * @throws VaultError `invalid_token` for a token that cannot be used, `invalid_option` for the rest.
 */
export function adoptable(tokens: unknown): Grant {
  check(isObject(tokens), "tokens, an object");
  const { accessToken, refreshToken, expiresAt, scope } = own(tokens);
  check(
    (expiresAt === undefined || (typeof expiresAt === "number" && isFinite(expiresAt))) &&
      (scope === undefined || typeof scope === "string"),
    "expiresAt in milliseconds, scope as text",
  );
  return {
    accessToken: usable(accessToken),
    refreshToken: refreshToken === undefined ? undefined : usableForRefresh(refreshToken),
    expiresAt,
    scope,
  };
}
