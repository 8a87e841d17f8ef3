/** How long a token lives: every form that a server tells it in, converted once, at the edge. */
import type { Grant, Session } from "../types.ts";
import { decodeClaims } from "../guard/claims.ts";

/** A finite duration from a second to ten years, or `undefined`: `1e300`, `"soon"` and `0` say nothing. */
const sane = (ms: number): number | undefined =>
  ms >= 1_000 && ms <= 315_360_000_000 ? ms : undefined;

const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** A number, or the text of one: `true` and `[3600]` are neither. */
const toNumber = (value: unknown): number =>
  typeof value === "number" ? value : Number(text(value));

/** A JWT's NumericDate (RFC 7519 §2) in milliseconds; `NaN` for anything else. */
const numericDate = (seconds: unknown): number =>
  typeof seconds === "number" && seconds > 0 && seconds < 1e11 ? seconds * 1_000 : NaN;

/** What a grant makes of a session, on the clock of whoever asked for it. */
export type Life = Pick<Session, "tokenSet" | "issuedAt" | "refreshAt" | "material" | "skew">;

/**
 * The life of a fresh grant is counted from the start of the request that got it, so that a wrong
 * clock does not matter. A token that was adopted has `aged` already: there only its end counts.
 */
export function lifeOf(
  { accessToken, refreshToken, scope, material, expiresIn, expiresAt, date, aged }: Grant,
  issuedAt: number,
  random: number,
  assumed?: number,
): Life {
  const claims = decodeClaims(accessToken);
  const exp = numericDate(claims?.["exp"]);
  const end = expiresAt ?? exp;
  const life =
    (aged && Math.abs(end - issuedAt) < 1e14
      ? end - issuedAt
      : (sane(toNumber(expiresIn) * 1_000) ??
        sane(exp - numericDate(claims?.["iat"])) ??
        sane(end - date!) ??
        // Only the client's clock is left to compare with: where it is far off, the assumption holds.
        sane(Math.max(end - issuedAt, (assumed ?? 0) / 10)))) ??
    // What nothing renews serves until its 401: an API key that was adopted lives long.
    sane(aged && !refreshToken ? 0 : assumed!);
  return {
    tokenSet: {
      accessToken,
      refreshToken: text(refreshToken),
      scope: text(scope),
      expiresAt: life && issuedAt + life,
    },
    issuedAt,
    // P18: clients that signed in together must not refresh together.
    refreshAt: life && Math.round(issuedAt + life * (0.75 + random * 0.05)),
    material,
  };
}
