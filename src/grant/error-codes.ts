/**
 * What the error codes of token endpoints mean. The table is looked at for every reply without a
 * token, whatever its status or type, because servers send their codes with any status (F72).
 */
import { isObject, own } from "../guard/json.ts";

/**
 * `"final"` ends the session or refuses the credentials, under any status. `"passing"` never does: it
 * is about the moment, or about the client and not the grant. `"unspent"` proves besides that nothing
 * was processed.
 */
export type Meaning = "final" | "passing" | "unspent";

const FINAL: ReadonlySet<string> = new Set([
  // RFC 6749 §5.2. Auth0 sends it with 403: support.auth0.com, "403: Unknown or invalid refresh token".
  "invalid_grant",
  // GitHub, with 200: lelylan/simple-oauth2#459.
  "bad_refresh_token",
  // Many an API with a login of its own.
  "invalid_refresh_token",
  // OpenID Connect Core §3.1.2.6; Microsoft's token endpoint: MSAL's InteractionRequiredAuthErrorCodes.
  "interaction_required",
  "login_required",
  "consent_required",
]);

const PASSING: ReadonlySet<string> = new Set([
  // RFC 6749 §4.1.2.1; token endpoints send them with 400: mcp#137.
  "temporarily_unavailable",
  "server_error",
  // RFC 6749 §5.2, about the client: its secret may be changed on the server first.
  "invalid_client",
  "unauthorized_client",
  "invalid_request",
  "invalid_scope",
  "unsupported_grant_type",
  // RFC 8628 §3.5.
  "authorization_pending",
  "slow_down",
]);

/** RFC 9449 §5 and §8: the proof is looked at before the grant. */
const UNSPENT: ReadonlySet<string> = new Set(["use_dpop_nonce", "invalid_dpop_proof"]);

/**
 * Throttling has as many names as there are servers: `too_many_requests` (Auth0),
 * `rate_limit_exceeded`, `rateLimitExceeded` (Google), `over_request_rate_limit` (Supabase),
 * `ThrottlingException`, `TooManyRequestsException`, `LimitExceededException` (AWS Cognito).
 */
const THROTTLING = /throttl|too_?many|rate_?limit|limit_?exceeded/;

function meaningOfCode(code: string): Meaning | undefined {
  const name = code.toLowerCase();
  if (FINAL.has(name)) return "final";
  if (UNSPENT.has(name)) return "unspent";
  return PASSING.has(name) || THROTTLING.test(name) ? "passing" : undefined;
}

/** What a reply's code means, or `undefined` where it has none that is known. */
export function meaningOf(body: Record<string, unknown> | undefined): Meaning | undefined {
  if (!body) return undefined;
  const { error, code, __type } = own(body);
  // Beside RFC 6749's `error` the usual shapes of an API's own errors; `__type` is AWS Cognito's.
  for (const one of [isObject(error) ? error["code"] : error, code, __type]) {
    const meaning = typeof one === "string" ? meaningOfCode(one) : undefined;
    if (meaning) return meaning;
  }
  return undefined;
}
