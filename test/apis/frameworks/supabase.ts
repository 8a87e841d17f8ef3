/**
 * Supabase Auth (GoTrue), as its API's description says: github.com/supabase/auth, openapi.yaml (`/token` with
 * `grant_type`, `/logout`, the `apikey` header), and supabase.com/docs/guides/auth/sessions (a refresh token is
 * good once, and for ten seconds more). `expires_at` is in seconds there. A call of the data API without
 * `apikey` is refused by the gateway before anybody looks at its token.
 */
import { json } from "../replies.ts";
import { ada, type Dialect, fieldsOf } from "./framework.ts";

const problem = (status: number, error_code: string, msg: string): Response =>
  json(status, { code: status, error_code, msg });

export const APIKEY = "sb_publishable_for_tests";

export const supabase: Dialect = {
  life: 3_600_000,
  rotation: "window",
  reuseWindow: 10_000,
  login: "POST /auth/v1/token?grant_type=password",
  refresh: "POST /auth/v1/token?grant_type=refresh_token",
  logout: "POST /auth/v1/logout?scope=local",
  logoutBy: "access",
  credentials: { email: ada.email, password: ada.password },
  claims: ({ email }) => ({ sub: "5b0f7c3e", aud: "authenticated", role: "authenticated", email }),
  demand: ({ headers }) =>
    headers.get("apikey") === APIKEY
      ? undefined
      : json(401, { message: "No API key found in request" }),
  names(call) {
    const { email, password } = fieldsOf(call);
    return { name: email, password };
  },
  granted: ({ accessToken, refreshToken, expiresAt, life, user: { email } }) =>
    json(200, {
      access_token: accessToken,
      token_type: "bearer",
      expires_in: life / 1_000,
      expires_at: Math.floor(expiresAt / 1_000),
      refresh_token: refreshToken,
      user: { id: "5b0f7c3e", aud: "authenticated", email, user_metadata: { name: "Ada" } },
    }),
  wrongPassword: () => problem(400, "invalid_credentials", "Invalid login credentials"),
  refreshToken: (call) => fieldsOf(call)["refresh_token"],
  spent: () => problem(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used"),
  loggedOut: () => new Response(null, { status: 204 }),
  unauthorized: () =>
    json(401, { code: "PGRST303", details: null, hint: null, message: "JWT expired" }),
  throttled: () => problem(429, "over_request_rate_limit", "Request rate limit reached"),
};
