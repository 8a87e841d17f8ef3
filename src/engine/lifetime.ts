/** How long a token lives: every form that a server tells it in, converted once, at the edge. */
import type { Grant, TokenSet } from "../types.ts";
import { decodeClaims } from "./claims.ts";

const SECOND = 1_000;
const TEN_YEARS = 315_360_000 * SECOND;

/** A finite duration in a sane range, or `undefined`: `1e300`, `"soon"` and `0` say nothing. */
export function duration(ms: number): number | undefined {
  return ms >= SECOND && ms <= TEN_YEARS ? ms : undefined;
}

/** An instant in milliseconds from a JWT's NumericDate (RFC 7519 §2), if it is one. */
export function numericDate(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds > 0 && seconds < 1e11
    ? seconds * SECOND
    : undefined;
}

/** What a grant's token set is worth, counted on the clock of whoever asked for it. */
export interface Life {
  readonly tokenSet: TokenSet;
  readonly issuedAt: number;
  readonly refreshAt?: number;
}

/**
 * The life of a fresh grant is counted from the start of the request that got it, so that a wrong
 * clock does not matter. A token that was `adopted` has aged already: there only its end counts.
 */
export function lifeOf(
  grant: Grant,
  startedAt: number,
  random: () => number,
  assumed?: number,
  adopted?: boolean,
): Life {
  const { accessToken, refreshToken, scope, date } = grant;
  const claims = decodeClaims(accessToken);
  const exp = numericDate(claims?.["exp"]);
  const iat = numericDate(claims?.["iat"]);
  const end = grant.expiresAt ?? exp;
  const life =
    (adopted && end !== undefined
      ? end - startedAt
      : (duration(Number(grant.expiresIn ?? NaN) * SECOND) ??
        duration((exp ?? NaN) - (iat ?? NaN)) ??
        duration((end ?? NaN) - (date ?? NaN)) ??
        // Only the client's clock is left to compare with: where it is far off, the assumption holds.
        duration(Math.max((end ?? NaN) - startedAt, assumed ? assumed / 10 : 0)))) ?? assumed;
  const tokenSet: { -readonly [K in keyof TokenSet]: TokenSet[K] } = { accessToken };
  if (refreshToken !== undefined) tokenSet.refreshToken = refreshToken;
  if (scope !== undefined) tokenSet.scope = scope;
  if (life === undefined) return { tokenSet, issuedAt: startedAt };
  tokenSet.expiresAt = startedAt + life;
  // P18: clients that signed in together must not refresh together.
  return { tokenSet, issuedAt: startedAt, refreshAt: startedAt + life * (0.75 + random() * 0.05) };
}
