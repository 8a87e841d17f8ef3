/** The part of a checked ID token that a session keeps. */
import { own } from "../guard/json.ts";
import { profileIn } from "../guard/profile.ts";

/** A JSON object without a prototype. */
export type Claims = Readonly<Record<string, unknown>>;

/** What an application may choose of an ID token. */
export interface ClaimsOptions {
  readonly keepsIdToken?: boolean;
  readonly profile?: (claims: Claims) => object;
}

function withoutHashes(claims: Claims): object {
  const { nonce: _n, at_hash: _a, c_hash: _c, s_hash: _s, ...others } = claims;
  return others;
}

/** The subject, by which later ID tokens are known, and what a snapshot shows. */
export function shownOf(
  claims: Claims,
  { idToken, options }: { readonly idToken: unknown; readonly options: ClaimsOptions },
): { readonly material: object; readonly profile: object } {
  const { profile = withoutHashes, keepsIdToken } = own(options);
  const picked = profile(claims);
  const whole = own({ ...picked, id_token: idToken });
  // A profile that is too long would not be shown at all.
  const fits = keepsIdToken === true && profileIn(whole) !== undefined;
  return { material: own({ sub: claims["sub"] }), profile: fits ? whole : picked };
}
