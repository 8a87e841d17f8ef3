/** Why a JWT was not accepted, told with what to do, and never with what it says (S4). */
import { type JwtFlaw, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";

const ANSWER = "Answer its sender with 401";

const FLAWS: Readonly<Record<JwtFlaw, readonly [why: string, advice: string]>> = own({
  malformed_jwt: ["it is malformed", ANSWER],
  wrong_algorithm: ["its algorithm is not allowed", "If the issuer signs so, add it to algorithms"],
  wrong_type: ["it is for something else", "If its typ is what you expect, name it as type"],
  critical_header: ["its header demands an extension", ANSWER],
  unknown_key: ["it names a key that is not there", ANSWER],
  wrong_signature: ["its signature is wrong", ANSWER],
  expired: ["it has expired", ANSWER],
  not_yet_valid: ["it is not valid yet", "Check the clocks, or answer its sender with 401"],
  too_old: ["it was issued too long ago", ANSWER],
  missing_claim: ["a claim is missing", ANSWER],
  wrong_issuer: ["another issuer has made it", "Check the issuer, or answer its sender with 401"],
  wrong_audience: ["it is for another", "Check the audience, or answer its sender with 401"],
});

export function jwtError(reason: JwtFlaw): VaultError {
  const [why, advice] = FLAWS[reason];
  return new VaultError("invalid_token", `Cannot accept the JWT: ${why}. ${advice}.`, { reason });
}
