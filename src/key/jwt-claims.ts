/** What the claims of a JWT must say (RFC 7519 §4.1, RFC 8725 §3.8 to §3.11). */
import { jwtError } from "./jwt-flaw.ts";
import type { Members } from "./jws.ts";

/** What is wanted of the claims; times are in milliseconds. */
export interface ClaimRules {
  readonly issuers: readonly unknown[];
  readonly audiences: readonly string[];
  readonly required: readonly string[];
  readonly maxAge: number | undefined;
  readonly tolerance: number;
  readonly now: () => number;
}

/** `null` and an empty text say as little as nothing. */
const isThere = (claim: unknown): boolean => claim !== undefined && claim !== null && claim !== "";

/** A NumericDate in milliseconds (RFC 7519 §2); what is given in milliseconds is no such date. */
function dateIn(claims: Members, name: "exp" | "nbf" | "iat"): number | undefined {
  const seconds = claims[name];
  if (seconds === undefined) return undefined;
  if (typeof seconds !== "number" || !(seconds >= 0 && seconds < 1e11))
    throw jwtError("malformed_jwt");
  return seconds * 1_000;
}

function checkTimes(claims: Members, { maxAge, tolerance, now }: ClaimRules): void {
  const at = now();
  const [exp, nbf, iat] = [dateIn(claims, "exp"), dateIn(claims, "nbf"), dateIn(claims, "iat")];
  if (exp === undefined) throw jwtError("missing_claim");
  // Written with `!`, so that a clock that gives no number accepts nothing.
  if (!(at < exp + tolerance)) throw jwtError("expired");
  if (nbf !== undefined && !(at >= nbf - tolerance)) throw jwtError("not_yet_valid");
  if (maxAge === undefined) return;
  if (iat === undefined) throw jwtError("missing_claim");
  if (!(at >= iat - tolerance)) throw jwtError("not_yet_valid");
  if (!(at <= iat + maxAge + tolerance)) throw jwtError("too_old");
}

export function checkClaims(claims: Members, rules: ClaimRules): void {
  const { issuers, audiences, required } = rules;
  const { iss, sub, aud, jti } = claims;
  for (const text of [iss, sub, jti])
    if (text !== undefined && typeof text !== "string") throw jwtError("malformed_jwt");
  const intended: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (aud !== undefined && !intended.every((one) => typeof one === "string"))
    throw jwtError("malformed_jwt");
  const absent = ["iss", "aud", "exp", ...required].filter((name) => !isThere(claims[name]));
  if (absent.length > 0) throw jwtError("missing_claim");
  if (!issuers.includes(iss)) throw jwtError("wrong_issuer");
  if (!audiences.some((audience) => intended.includes(audience))) throw jwtError("wrong_audience");
  checkTimes(claims, rules);
}
